"""GNU tar and this program make the same tree of an archive, and read each other's archives."""

import io
import os
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.layers.archiving import archive
from runner.layers.beneath import Opener, open_by_components, open_in_one_call
from runner.layers.extraction import unpack
from runner.layers.whiteouts import PlainWhiteouts
from tests.runner.layers.trees import Snapshot, open_directory, snapshot

FORMATS = ["v7", "oldgnu", "gnu", "ustar", "pax"]

_names = st.lists(
    st.one_of(
        st.sampled_from(["a", "b", "c"]),
        st.text("xyé ", min_size=1, max_size=120).filter(lambda x: len(x.encode()) < 256),
    ),
    min_size=1,
    max_size=5,
).map("/".join)
_ids = st.one_of(st.integers(0, 70_000), st.just((1 << 32) - 2))
_times = st.one_of(st.integers(0, 1 << 33), st.integers(1, 1 << 40).map(lambda n: n / 512))


@st.composite
def _trees(draw: st.DrawFn) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Entries whose parents are directories that come before them."""
    kinds: dict[str, bytes] = {}
    members: list[tuple[tarfile.TarInfo, bytes]] = []
    for name in draw(st.lists(_names, max_size=10, unique=True)):
        parts = name.split("/")
        above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
        if any(kinds.get(parent, tarfile.DIRTYPE) != tarfile.DIRTYPE for parent in above) or name in kinds:
            continue
        members += [(draw(_member(parent, tarfile.DIRTYPE)), b"") for parent in above if parent not in kinds]
        kinds |= dict.fromkeys(above, tarfile.DIRTYPE)
        files = [other for other, kind in kinds.items() if kind == tarfile.REGTYPE]
        choices = [
            tarfile.REGTYPE,
            tarfile.DIRTYPE,
            tarfile.SYMTYPE,
            tarfile.FIFOTYPE,
            tarfile.CHRTYPE,
            tarfile.BLKTYPE,
        ]
        kinds[name] = draw(st.sampled_from([*choices, tarfile.LNKTYPE] if files else choices))
        member = draw(_member(name, kinds[name]))
        if kinds[name] == tarfile.LNKTYPE:
            member.linkname = draw(st.sampled_from(files))
        content = draw(st.binary(max_size=2000)) if kinds[name] == tarfile.REGTYPE else b""
        member.size = len(content)
        members.append((member, content))
    return members


@st.composite
def _member(draw: st.DrawFn, name: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.mode = draw(st.integers(0, 0o7777))
    member.uid, member.gid, member.mtime = draw(_ids), draw(_ids), draw(_times)
    if kind == tarfile.SYMTYPE:
        member.linkname = draw(st.sampled_from(["a", "../..", "/etc/passwd", "x" * 150]))
    if kind in {tarfile.CHRTYPE, tarfile.BLKTYPE}:
        member.devmajor, member.devminor = draw(st.integers(1, 4000)), draw(st.integers(0, 70_000))
    if kind in {tarfile.REGTYPE, tarfile.DIRTYPE}:
        values = draw(
            st.dictionaries(st.sampled_from(["user.one", "user.two"]), st.text("ab=\n", min_size=1, max_size=9))
        )
        member.pax_headers = {f"SCHILY.xattr.{key}": value for key, value in values.items()}
    return member


@pytest.mark.root
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(
    _trees(),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.sampled_from([open_in_one_call, open_by_components]),
)
def test_an_honest_tree_comes_out_as_from_gnu_tar(
    members: list[tuple[tarfile.TarInfo, bytes]], format_: int, opener: Opener
) -> None:
    with TemporaryDirectory() as temporary:
        archive = Path(temporary, "layer.tar")
        with tarfile.open(archive, "w", format=format_) as writer:
            for member, content in members:
                writer.addfile(member, io.BytesIO(content))

        theirs, ours = _extract_with_tar(archive), _extract(archive, opener)

        assert _without_root(ours) == _without_root(theirs)


@pytest.mark.root
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(_trees())
def test_what_is_written_of_an_honest_tree_is_read_by_gnu_tar(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with TemporaryDirectory() as temporary:
        given_, written = Path(temporary, "given.tar"), Path(temporary, "written.tar")
        with tarfile.open(given_, "w", format=tarfile.PAX_FORMAT) as writer:
            for member, content in members:
                writer.addfile(member, io.BytesIO(content))
        tree = _extract(given_)

        with written.open("wb") as output, open_directory(Path(temporary, "ours")) as root:
            archive(root, output)

        assert _extract_with_tar(written) == tree


@pytest.mark.parametrize("pieces", [0, 1, 60])
def test_sparse_files_are_written_as_gnu_tar_reads_them(tmp_path: Path, pieces: int) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    with (tree / "sparse").open("wb") as sparse:
        for piece in range(pieces):
            sparse.seek((2 * piece + 1) * 65_536)
            sparse.write(b"%d" % piece * 100)
        sparse.truncate(20_000_000)
    (tree / "z").write_bytes(b"what comes after")

    with (tmp_path / "layer.tar").open("wb") as output, open_directory(tree) as root:
        archive(root, output)

    assert (tmp_path / "layer.tar").stat().st_size < 2_000_000
    assert _contents(_extract_with_tar(tmp_path / "layer.tar")) == _contents(snapshot(tree))
    assert _contents(_extract(tmp_path / "layer.tar")) == _contents(snapshot(tree))
    assert (tmp_path / "theirs" / "sparse").stat().st_blocks * 512 < 2_000_000


@pytest.mark.parametrize("format_", FORMATS)
def test_each_format_that_gnu_tar_writes_is_read(tmp_path: Path, format_: str) -> None:
    tree = _tree(tmp_path / "tree", fifo=format_ != "v7", long_names=format_ in {"oldgnu", "gnu", "pax"})

    archive = _create_with_tar(tree, f"--format={format_}")

    assert _contents(_extract(archive)) == _contents(snapshot(tree))


@pytest.mark.parametrize(
    "options",
    [
        ["--format=oldgnu"],
        ["--format=gnu"],
        ["--format=pax", "--sparse-version=0.0"],
        ["--format=pax", "--sparse-version=0.1"],
        ["--format=pax", "--sparse-version=1.0"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("pieces", [0, 1, 3, 60])
def test_sparse_files_keep_their_content_and_their_holes(tmp_path: Path, options: list[str], pieces: int) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    with (tree / "sparse").open("wb") as sparse:
        for piece in range(pieces):
            sparse.seek((2 * piece + 1) * 65_536)
            sparse.write(b"%d" % piece * 100)
        sparse.truncate(20_000_000)
    (tree / "z").write_bytes(b"what comes after")

    archive = _create_with_tar(tree, "--sparse", *options)

    assert archive.stat().st_size < 2_000_000
    assert _contents(_extract(archive)) == _contents(snapshot(tree))
    assert (tmp_path / "ours" / "sparse").stat().st_blocks * 512 < 2_000_000


def _tree(root: Path, *, fifo: bool, long_names: bool) -> Path:
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "passwd").write_bytes(b"root:x:0:0\n" * 1000)
    (root / "etc" / "again").hardlink_to(root / "etc" / "passwd")
    (root / "etc" / "link").symlink_to("../nowhere")
    if fifo:
        os.mkfifo(root / "fifo")
    if long_names:
        deep = root / ("d" * 200) / ("e" * 200)
        deep.mkdir(parents=True)
        (deep / ("f" * 200)).write_bytes(b"deep")
        (root / "long").symlink_to("t" * 400)
    return root


def _create_with_tar(tree: Path, *options: str) -> Path:
    archive = tree.parent / "layer.tar"
    subprocess.run(["tar", "-C", tree, *options, "-cf", archive, "."], check=True)
    return archive


def _extract_with_tar(archive: Path) -> Snapshot:
    target = archive.parent / "theirs"
    target.mkdir()
    command: list[str | Path] = [
        "tar",
        "--xattrs",
        "--numeric-owner",
        "--delay-directory-restore",
        "-C",
        target,
        "-xpf",
        archive,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return snapshot(target)


def _extract(archive: Path, opener: Opener | None = None) -> Snapshot:
    target = archive.parent / "ours"
    target.mkdir()
    with archive.open("rb") as source, open_directory(target) as root:
        unpack(source, root, PlainWhiteouts(), opener=opener)
    return snapshot(target)


def _without_root(tree: Snapshot) -> Snapshot:
    return {name: described for name, described in tree.items() if name != b"."}


def _contents(tree: Snapshot) -> Snapshot:
    """Kinds, modes, owners and contents: whole seconds are all that the older formats keep of a time."""
    return {name: (kind, owner, *rest) for name, (kind, owner, _, *rest) in tree.items()}
