import io
import os
import stat
from pathlib import Path

import pytest

from runner import limits
from runner.layers.errors import LayerError, LayerInvalid, LayerNotWritten, LayerRefused, LayerTooLarge
from runner.layers.extraction import unpack
from runner.layers.whiteouts import PlainWhiteouts
from runner.limits import LayerLimits
from tests.runner.layers.archives import (
    directory,
    extended,
    file,
    hard_link,
    header,
    padded,
    symlink,
    unpack_overlay,
    unpack_plain,
    with_checksum,
)
from tests.runner.layers.trees import open_directory


def test_of_entries_at_one_place_the_last_wins(tmp_path: Path) -> None:
    unpack_plain(
        tmp_path,
        file(b"a", b"first"),
        file(b"a", b"second"),
        file(b"b/c", b"goes"),
        file(b"b", b"stays"),
        file(b"d", b"goes"),
        file(b"d2"),
        directory(b"d"),
    )

    assert (tmp_path / "a").read_bytes() == b"second"
    assert (tmp_path / "b").read_bytes() == b"stays"
    assert (tmp_path / "d").is_dir()


def test_a_directory_that_comes_again_keeps_its_content_and_takes_the_last_mode(tmp_path: Path) -> None:
    unpack_plain(tmp_path, directory(b"a", mode=0o700), file(b"a/b", b"kept"), directory(b"a", mode=0o750))

    assert (tmp_path / "a" / "b").read_bytes() == b"kept"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750


def test_a_replaced_directory_leaves_its_mode_to_nobody(tmp_path: Path) -> None:
    unpack_plain(tmp_path, directory(b"a", mode=0o700), symlink(b"a", b"x"), file(b"b"), file(b"a", mode=0o604))

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604


def test_directories_that_the_archive_does_not_name_are_made(tmp_path: Path) -> None:
    unpack_plain(tmp_path, file(b"/a/./b//c", b"content"))

    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o755


def test_a_directory_that_nobody_may_write_into_is_filled_first(tmp_path: Path) -> None:
    mtime = extended({b"mtime": b"-1.5"})
    unpack_plain(tmp_path, mtime, directory(b"a", mode=0), file(b"a/b", b"content"))

    status = (tmp_path / "a").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0, -1_500_000_000)


def test_a_hard_link_to_itself_changes_nothing(tmp_path: Path) -> None:
    unpack_plain(tmp_path, file(b"a", b"kept"), hard_link(b"a", b"./a"), hard_link(b"b", b"a"), hard_link(b"b", b"a"))

    assert (tmp_path / "a").read_bytes() == b"kept"
    assert (tmp_path / "a").samefile(tmp_path / "b")


def test_a_hard_link_that_takes_its_targets_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerRefused):
        unpack_plain(tmp_path, file(b"a/b", b"gone"), hard_link(b"a", b"a/b"))


def test_more_directories_than_stay_open_are_written(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    names = [b"%d/%d" % (n % 200, n) for n in range(1000)]

    unpack_plain(tmp_path, *(file(name, name) for name in names))

    assert all((tmp_path / os.fsdecode(name)).read_bytes() == name for name in names)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("order", [1, -1])
def test_a_whiteout_hides_what_was_below_and_not_its_own_layer(tmp_path: Path, order: int) -> None:
    unpack_plain(tmp_path, file(b"gone", b"1"), file(b"gone-too/x"), file(b"kept"), file(b"dir/below"))

    unpack_plain(
        tmp_path,
        file(b".wh.gone"),
        file(b".wh.gone-too"),
        file(b".wh.never-was"),
        *[file(b".wh.dir"), file(b"dir/new", b"2")][::order],
    )

    assert sorted(os.fspath(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["dir", "dir/new", "kept"]


@pytest.mark.parametrize("order", [1, -1])
def test_an_opaque_directory_hides_all_that_was_below(tmp_path: Path, order: int) -> None:
    unpack_plain(tmp_path, file(b"d/gone"), file(b"d/e/gone"), file(b"kept"))

    unpack_plain(tmp_path, *[file(b"d/.wh..wh..opq"), file(b"d/e/new")][::order])

    found = sorted(os.fspath(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert found == ["d", "d/e", "d/e/new", "kept"]


@pytest.mark.root
@pytest.mark.parametrize("order", [1, -1])
def test_overlayfs_is_told_what_is_hidden(tmp_path: Path, order: int) -> None:
    unpack_overlay(
        tmp_path,
        file(b"d/.wh.gone"),
        file(b"opaque/.wh..wh..opq"),
        *[file(b".wh.file"), file(b"file", b"new")][::order],
        *[file(b".wh.dir"), directory(b"dir")][::order],
        *[file(b".wh.implied"), file(b"implied/x")][::order],
        file(b".wh..wh.plnk/1.2", b"left over"),
    )

    gone = (tmp_path / "d" / "gone").lstat()
    assert (stat.S_ISCHR(gone.st_mode), gone.st_rdev) == (True, 0)
    assert (tmp_path / "file").read_bytes() == b"new"
    opaque = {path.name for path in tmp_path.iterdir() if "trusted.overlay.opaque" in os.listxattr(path)}
    assert opaque == {"opaque", "dir", "implied"}
    assert not any(path.name.startswith(".wh.") for path in tmp_path.rglob("*"))


@pytest.mark.root
def test_capabilities_and_set_id_bits_survive_the_change_of_owner(tmp_path: Path) -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    records = {b"SCHILY.xattr.security.capability": capability, b"uid": b"3000000", b"gid": b"7"}

    unpack_plain(tmp_path, extended(records), file(b"ping", b"#!", mode=0o6755))

    status = (tmp_path / "ping").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o6755, 3_000_000, 7)
    assert os.getxattr(tmp_path / "ping", "security.capability") == capability


@pytest.mark.parametrize(
    ("parts", "bounds"),
    [
        ([file(b"a"), file(b"b"), file(b"c")], LayerLimits(entries=2)),
        ([extended({b"a": b"b"}, b"g")] * 3, LayerLimits(entries=2)),
        ([file(b"a", b"12"), file(b"b", b"34")], LayerLimits(size=3)),
        ([extended({b"GNU.sparse.size": b"9" * 18, b"GNU.sparse.map": b"0,0"}), file(b"a")], LayerLimits()),
        ([header(b"x", b"x", size=limits.HEADER_BYTES + 1)], LayerLimits()),
        ([header(b"x", b"L", size=limits.HEADER_BYTES + 1)], LayerLimits()),
        ([extended({b"%d" % n: b"x" * 600_000}, b"g") for n in range(2)], LayerLimits()),
        ([extended({b"path": b"x" * 256}), file(b"a")], LayerLimits()),
        ([extended({b"path": b"x/" * 257}), file(b"a")], LayerLimits()),
        ([extended({b"path": b"x/" * 3000}), file(b"a")], LayerLimits()),
        ([extended({b"linkpath": b"x" * 4096}), symlink(b"a", b"x")], LayerLimits()),
    ],
)
def test_what_is_beyond_a_bound_is_refused(tmp_path: Path, parts: list[bytes], bounds: LayerLimits) -> None:
    with pytest.raises(LayerTooLarge):
        unpack_plain(tmp_path, *parts, limits=bounds)


@pytest.mark.parametrize(
    "parts",
    [
        [b"no archive at all".ljust(512)],
        [header(b"a", size=5000)],
        [header(b"a", b"Z")],
        [extended({b"size": b"-1"}), file(b"a")],
        [extended({b"mtime": b"1e5"}), file(b"a")],
        [extended({b"mtime": b"9" * 20}), file(b"a")],
        [extended({b"uid": b"4294967295"}), file(b"a")],
        [header(b"x", b"x", size=12) + padded(b"99 path=abc\n")],
        [header(b"x", b"x", size=12) + padded(b"00 path=abc\n")],
        [header(b"a", uid=b"\xff" * 8)],
        [header(b"a", uid=b"8888888\0")],
        [with_checksum(header(b"a")[:124] + b"\xff" * 12 + header(b"a")[136:])],
        [extended({b"GNU.sparse.size": b"10", b"GNU.sparse.map": b"5,2,0,2"}), file(b"a", b"1234")],
        [extended({b"GNU.sparse.size": b"10", b"GNU.sparse.map": b"9,4"}), file(b"a", b"1234")],
        [extended({b"GNU.sparse.size": b"10", b"GNU.sparse.map": b"0,2"}), file(b"a", b"1234")],
        [extended({b"GNU.sparse.size": b"10", b"GNU.sparse.map": b"0"}), file(b"a", b"1234")],
    ],
)
def test_what_is_no_archive_or_a_damaged_one_is_refused(tmp_path: Path, parts: list[bytes]) -> None:
    with pytest.raises(LayerInvalid):
        unpack_plain(tmp_path, *parts)


def test_numbers_beyond_octal_digits_are_read(tmp_path: Path) -> None:
    unpack_plain(
        tmp_path, header(b"old", mtime=b"\xff" * 12), header(b"new", mtime=b"\x80" + bytes(6) + b"\x02" + bytes(4))
    )

    assert (tmp_path / "old").stat().st_mtime == -1
    assert (tmp_path / "new").stat().st_mtime == 2 << 32


def test_what_follows_the_archives_end_is_read_and_means_nothing(tmp_path: Path) -> None:
    source = io.BytesIO(file(b"a") + bytes(1024) + file(b"b"))

    with open_directory(tmp_path) as root:
        unpack(source, root, PlainWhiteouts())

    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert source.read() == b""


def test_what_the_disk_does_not_take_is_told_with_its_name() -> None:
    with pytest.raises(LayerNotWritten) as raised:
        unpack_plain(Path("/proc/self"), file(b"name", b"content"))

    assert raised.value.name == b"name"
    assert isinstance(raised.value, LayerError)
