"""Nothing that an archive holds changes anything outside of the directory that it is unpacked into.

The filters of Python's own `tarfile` have let out much of it: CVE-2024-12718, CVE-2025-4138, CVE-2025-4330,
CVE-2025-4435 and CVE-2025-4517.
"""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.layers.errors import LayerError, LayerRefused
from runner.layers.extraction import Unpacked
from tests.runner.layers.archives import (
    directory,
    extended,
    file,
    hard_link,
    header,
    symlink,
    unpack_overlay,
    unpack_plain,
)
from tests.runner.layers.trees import snapshot


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return _canary(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def escapes(outside: bytes) -> dict[str, list[bytes]]:
    """Known ways out, where `outside` is the canary's absolute path."""
    record = {b"path": b"../canary/secret"}
    return {
        "a name that climbs": [file(b"../canary/secret", b"!")],
        "a name that climbs from within": [directory(b"a"), file(b"a/../../canary/secret", b"!")],
        "a name that climbs in an extended header": [extended(record), file(b"harmless", b"!")],
        "a name that climbs in a global header": [extended(record, b"g"), file(b"harmless", b"!")],
        "a file beneath a link": [symlink(b"a", b"../canary"), file(b"a/secret", b"!")],
        "a file beneath an absolute link": [symlink(b"a", outside), file(b"a/secret", b"!")],
        "a file beneath a chain of links": [symlink(b"a", b"b"), symlink(b"b", outside), file(b"a/secret", b"!")],
        "a file beneath a link to the root of a process": [symlink(b"a", b"/proc/self/cwd"), file(b"a/x", b"!")],
        "a directory beneath a link": [symlink(b"a", b"../canary"), directory(b"a/new")],
        "a link beneath a link": [symlink(b"a", b"../canary"), symlink(b"a/new", b"x")],
        "a device beneath a link": [symlink(b"a", b"../canary"), header(b"a/new", b"3", device=(1, 3))],
        "a whiteout beneath a link": [symlink(b"a", b"../canary"), file(b"a/.wh.secret")],
        "an opaque marker beneath a link": [symlink(b"a", b"../canary"), file(b"a/.wh..wh..opq")],
        "a whiteout of the directory above": [directory(b"a"), file(b"a/.wh...")],
        "a whiteout of its own directory": [directory(b"a"), file(b"a/.wh..")],
        "a whiteout of nothing": [file(b".wh.")],
        "a file beneath a whiteout": [file(b".wh.a/b", b"!")],
        "a hard link that climbs": [hard_link(b"a", b"../canary/secret"), file(b"a", b"!")],
        "a hard link to an absolute place": [hard_link(b"a", outside + b"/secret"), file(b"a", b"!")],
        "a hard link through a link": [symlink(b"a", b"../canary"), hard_link(b"b", b"a/secret"), file(b"b", b"!")],
        "a hard link to the root": [hard_link(b"a", b"/")],
        "a root that is a link": [symlink(b".", b"../canary"), file(b"secret", b"!")],
        "a forged whiteout": [header(b"a", b"3")],
        "a hard link to a whiteout's name": [file(b".wh.a"), hard_link(b"b", b".wh.a")],
    }


@pytest.mark.root
@pytest.mark.parametrize("unpacked", [unpack_plain, unpack_overlay])
@pytest.mark.parametrize("escape", escapes(b""))
def test_a_known_way_out_is_refused(canary: Path, root: Path, escape: str, unpacked: Callable[..., Unpacked]) -> None:
    before = snapshot(canary)

    with pytest.raises(LayerRefused):
        unpacked(root, *escapes(os.fsencode(canary))[escape])

    assert snapshot(canary) == before


def test_an_absolute_name_means_a_place_beneath_the_root(canary: Path, root: Path) -> None:
    before = snapshot(canary)

    unpack_plain(root, file(os.fsencode(canary / "secret"), b"mine"))

    assert (root / str(canary)[1:] / "secret").read_bytes() == b"mine"
    assert snapshot(canary) == before


@pytest.mark.parametrize("replacing", [file(b"a", b"mine"), directory(b"a"), header(b"a", b"6")])
def test_what_comes_where_a_link_was_replaces_the_link(canary: Path, root: Path, replacing: bytes) -> None:
    before = snapshot(canary)

    unpack_plain(root, symlink(b"a", b"../canary/secret"), replacing)

    assert not (root / "a").is_symlink()
    assert snapshot(canary) == before


def test_a_hard_link_to_a_link_is_the_link_itself(canary: Path, root: Path) -> None:
    before = snapshot(canary)

    unpack_plain(root, symlink(b"a", b"../canary/secret"), hard_link(b"b", b"a"), file(b"b", b"mine", mode=0o777))

    assert (root / "a").readlink() == Path("../canary/secret")
    assert (root / "b").read_bytes() == b"mine"
    assert snapshot(canary) == before


def test_a_directory_that_was_removed_is_not_written_into(canary: Path, root: Path) -> None:
    before = snapshot(canary)

    with pytest.raises(LayerRefused):
        unpack_plain(root, file(b"a/b/c", b"1"), symlink(b"a", b"../canary"), file(b"a/b/c", b"2"))

    assert snapshot(canary) == before


@pytest.mark.root
def test_state_of_overlayfs_and_the_machines_attributes_are_left_out(root: Path) -> None:
    forged = {
        b"SCHILY.xattr.trusted.overlay.opaque": b"y",
        b"SCHILY.xattr.trusted.overlay.redirect": b"/etc",
        b"SCHILY.xattr.user.overlay.opaque": b"y",
        b"SCHILY.xattr.trusted.other": b"x",
        b"SCHILY.xattr.security.selinux": b"x",
        b"SCHILY.xattr.system.posix_acl_access": b"x",
        b"SCHILY.xattr.user.kept": b"yes",
    }

    unpacked = unpack_overlay(root, extended(forged), directory(b"a"), extended(forged), file(b"b"))

    assert os.listxattr(root / "a") == ["user.kept"]
    assert os.listxattr(root / "b") == ["user.kept"]
    assert unpacked.dropped_xattrs == 12


_names = st.lists(
    st.sampled_from(
        [b"a", b"b", b"c", b"..", b".", b"", b"canary", b"secret", b".wh.a", b".wh.secret", b".wh..wh..opq"]
    ),
    min_size=1,
    max_size=4,
).map(b"/".join)
_targets = st.one_of(
    _names, st.sampled_from([b"../canary", b"../../canary/secret", b"/", b"/proc/self/cwd", b"OUTSIDE"])
)
_entries = st.one_of(
    st.builds(file, _names, st.binary(max_size=20)),
    st.builds(directory, _names),
    st.builds(symlink, _names, _targets),
    st.builds(hard_link, _names, _targets),
    st.builds(lambda name: header(name, b"6"), _names),
    st.builds(lambda path, entry: extended({b"path": path}) + entry, _targets, st.builds(file, _names, st.just(b"!"))),
)


@pytest.mark.root
@settings(max_examples=100)
@given(st.lists(_entries, max_size=12), st.sampled_from([unpack_plain, unpack_overlay]))
def test_no_archive_changes_anything_beside_the_root(entries: list[bytes], unpacked: Callable[..., Unpacked]) -> None:
    with TemporaryDirectory() as temporary:
        canary, root = _canary(Path(temporary)), Path(temporary, "root")
        root.mkdir()
        before = snapshot(canary)
        outside = os.fsencode(canary)[:90]

        # A refusal ends the archive, and the next one goes on in what is there.
        for entry in entries:
            if b"OUTSIDE" in entry:
                entry = symlink(b"c", outside)  # noqa: PLW2901 - the canary is known only now
            try:
                unpacked(root, entry)
            except LayerError:
                continue

        assert snapshot(canary) == before
        assert sorted(path.name for path in Path(temporary).iterdir()) == ["canary", "root"]


def _canary(beside: Path) -> Path:
    canary = beside / "canary"
    (canary / "a" / "b").mkdir(parents=True)
    (canary / "secret").write_bytes(b"untouched")
    (canary / "a" / "secret").write_bytes(b"untouched")
    return canary
