"""What becomes of a tree in an archive, whoever changes it meanwhile."""

import io
import os
import socket
import stat
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.layers.archiving import archive
from runner.layers.beneath import directory_opener
from runner.layers.entries import Path as Components
from runner.layers.errors import LayerNotRead, LayerTooLarge
from runner.layers.extraction import unpack
from runner.layers.reader import TarReader
from runner.layers.whiteouts import PlainWhiteouts
from runner.limits import PATH_DEPTH
from tests.runner.layers.trees import open_directory, snapshot

# Of any program, "may open raw sockets" (linux/capability.h).
CAPABILITY = struct.pack("<IIIII", 0x0200_0001, 1 << 13, 0, 0, 0)


def archived(tree: Path, meanwhile: Callable[[Components], None] | None = None) -> bytes:
    """The archive; `meanwhile` is told each directory that is about to be opened."""

    def opener(root: int, path: Components) -> int:
        if meanwhile is not None:
            meanwhile(path)
        return directory_opener()(root, path)

    output = io.BytesIO()
    with open_directory(tree) as root:
        archive(root, output, opener=opener)
    return output.getvalue()


def members(content: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content)) as read:
        return read.getmembers()


def names(content: bytes) -> list[str]:
    return [member.name for member in members(content)]


def unpacked(content: bytes, place: Path) -> Path:
    place.mkdir()
    with open_directory(place) as root:
        unpack(io.BytesIO(content), root, PlainWhiteouts())
    return place


def test_files_come_before_directories_and_both_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "b/inner").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    for name in ("z", "b/y", "b/inner/x", "a/w"):
        (tmp_path / name).touch()

    content = archived(tmp_path)

    assert names(content) == [".", "z", "a", "a/w", "b", "b/y", "b/inner", "b/inner/x"]
    assert archived(tmp_path) == content


@pytest.mark.root
def test_a_tree_comes_back_as_it_was(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    deep = tree / ("d" * 200) / ("e" * 200)
    deep.mkdir(parents=True)
    (deep / ("f" * 200)).write_bytes(b"deep")
    (deep / "again").hardlink_to(deep / ("f" * 200))
    (tree / "long").symlink_to("t" * 400)
    (tree / "long again").hardlink_to(tree / "long")
    (tree / "ümlaut").symlink_to("ö")
    (tree / os.fsdecode(b"not utf-8 \xff\n")).write_bytes(b"name")
    (tree / "old").touch()
    os.utime(tree / "old", ns=(0, -1_500_000_000))
    os.chown(tree / "old", 3_000_000, 4_000_000_000)
    os.setxattr(tree / "old", "user.words", b"a=b\n\0\xff")
    os.setxattr(tree, "user.of.the.root", b"1")
    (tree / "ping").write_bytes(b"#!")
    (tree / "ping").chmod(0o4755)
    os.setxattr(tree / "ping", "security.capability", CAPABILITY)
    os.mkfifo(tree / "pipe")
    os.mknod(tree / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(tree / "disk", stat.S_IFBLK | 0o600, os.makedev(259, 70_000))
    tree.chmod(0o1777)

    content = archived(tree)

    assert snapshot(unpacked(content, tmp_path / "back")) == snapshot(tree)


@pytest.mark.root
def test_attributes_that_no_layer_may_set_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.setxattr(tmp_path / "file", "trusted.overlay.origin", b"forged")
    os.setxattr(tmp_path / "file", "user.overlay.opaque", b"y")
    os.setxattr(tmp_path / "file", "user.kept", b"yes")

    entries = list(TarReader(io.BytesIO(archived(tmp_path)), 9).entries())

    assert [entry.xattrs for entry in entries] == [{}, {b"user.kept": b"yes"}]


def test_a_name_that_just_fits_a_header_is_read_by_all(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for length in range(85, 160, 6):
        folder = tree / ("d" * length)
        folder.mkdir(parents=True)
        for inner in (99, 100, 101):
            (folder / ("f" * inner)).touch()
            (folder / ("g" * (inner - 1))).mkdir()

    content = archived(tree)

    assert sorted(names(content)) == sorted([".", *(str(place.relative_to(tree)) for place in tree.rglob("*"))])
    assert snapshot(unpacked(content, tmp_path / "back")).keys() == snapshot(tree).keys()


def test_a_socket_is_left_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, open_directory(tmp_path) as folder:
        listener.bind(f"/proc/self/fd/{folder}/socket")

        assert names(archived(tmp_path)) == ["."]


def test_small_holes_are_zeros_for_every_reader(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(100_000)

    (member,) = [each for each in members(archived(tmp_path)) if each.isfile()]

    assert (member.size, member.pax_headers.get("GNU.sparse.major")) == (100_000, None)


def test_a_file_in_more_pieces_than_are_read_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.layers.archiving.SPARSE_SEGMENTS", 5)
    tree = tmp_path / "tree"
    tree.mkdir()
    with (tree / "sparse").open("wb") as sparse:
        for piece in range(9):
            sparse.seek((piece + 1) * 1_048_576)
            sparse.write(b"%d" % piece)
        sparse.truncate(20 * 1_048_576)

    content = archived(tree)

    (_, entry) = TarReader(io.BytesIO(content), 9).entries()
    assert entry.segments is not None
    assert len(entry.segments) == 5
    assert snapshot(unpacked(content, tmp_path / "back")) == snapshot(tree)


def test_a_name_deeper_than_any_that_is_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "/".join(["a"] * PATH_DEPTH)).mkdir(parents=True)
    assert len(names(archived(tmp_path))) == PATH_DEPTH + 1

    (tmp_path / "/".join(["a"] * (PATH_DEPTH + 1))).mkdir()

    with pytest.raises(LayerTooLarge, match="components"):
        archived(tmp_path)


def test_a_directory_that_becomes_a_link_or_goes_is_left_out(tmp_path: Path) -> None:
    tree, secret = tmp_path / "tree", tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"secret")
    for name in ("a", "b", "c", "d"):
        (tree / name).mkdir(parents=True)
        (tree / name / "file").touch()

    def meanwhile(path: Components) -> None:
        if path == (b"a",):
            (tree / "b").rename(tmp_path / "away")
            (tree / "b").symlink_to(secret)
            (tree / "c" / "file").unlink()
            (tree / "c").rmdir()

    content = archived(tree, meanwhile)

    assert names(content) == [".", "a", "a/file", "d", "d/file"]
    assert b"secret" not in content


class Meddling(io.BytesIO):
    """An output whose writer has something happen after one of its entries' headers."""

    def __init__(self, name: bytes, meddle: Callable[[], None]) -> None:
        super().__init__()
        self._name = name
        self._meddle = meddle

    def write(self, content: object, /) -> int:
        assert isinstance(content, bytes)
        if content.startswith(self._name + b"\0"):
            self._meddle()
        return super().write(content)


def test_a_file_that_becomes_shorter_is_filled_up_and_what_follows_is_whole(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    output = Meddling(b"a", lambda: os.truncate(tmp_path / "a", 10))

    with open_directory(tmp_path) as root:
        archive(root, output)

    back = unpacked(output.getvalue(), tmp_path / "back")
    assert (back / "a").read_bytes() == b"a" * 10 + bytes(990)
    assert (back / "b").read_bytes() == b"b" * 1000


@pytest.mark.root
def test_what_takes_the_place_of_a_file_is_never_opened(tmp_path: Path) -> None:
    """CVE-2018-15664: whoever copies out of a container is led elsewhere meanwhile."""
    (tmp_path / "a").touch()
    (tmp_path / "b").write_bytes(b"content")
    (tmp_path / "c").touch()

    def replaced() -> None:
        (tmp_path / "b").unlink()
        # Whoever opened it for reading would wait for ever.
        os.mkfifo(tmp_path / "b")
        (tmp_path / "c").unlink()

    output = Meddling(b"a", replaced)
    with open_directory(tmp_path) as root:
        archive(root, output)

    found = members(output.getvalue())
    assert [(each.name, each.type) for each in found[1:]] == [("a", tarfile.REGTYPE), ("b", tarfile.FIFOTYPE)]


def test_what_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()

    def opener(root: int, path: Components) -> int:
        if path:
            raise PermissionError(13, "Permission denied")
        return directory_opener()(root, path)

    with open_directory(tmp_path) as root, pytest.raises(LayerNotRead, match=r"'a': Permission denied"):
        archive(root, io.BytesIO(), opener=opener)


def test_what_cannot_be_written_is_no_matter_of_the_tree(tmp_path: Path) -> None:
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        open_directory(tmp_path) as root,
        pytest.raises(OSError, match="No space left"),
    ):
        archive(root, full)
