"""Layouts that somebody else wrote: what is in them is read, and what no layout may have is refused."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import blob_path
from storage_backends.layouts._blocking.opening import archived_files
from storage_backends.layouts.contract import LayoutReader
from storage_backends.layouts.reading import open_layout
from tests.storage_backends.layouts.archives import (
    MEMBERS,
    archive,
    blobs,
    folder,
    member,
    read_as_stream,
    refused_as_file,
    whole,
)

SMALL, LARGE, LONG = b"small", bytes(range(256)) * 10_000, b"of a long digest"
FILES = {"index.json": b"{}", **blobs(SMALL, LARGE, b""), **blobs(LONG, algorithm="sha512")}
DIGEST = Digest.of(SMALL)
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


@pytest.fixture(params=["folder", "archive"])
async def layout(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LayoutReader]:
    path = tmp_path / "layout"
    if request.param == "folder":
        folder(path, FILES)
    else:
        path.write_bytes(archive(FILES))
    async with open_layout(path, max_members=MEMBERS) as opened:
        assert isinstance(opened, LayoutReader)
        yield opened


async def test_every_file_is_found_and_read(layout: LayoutReader) -> None:
    assert await layout.file("index.json", 2) == b"{}"
    for content in (SMALL, LARGE, b""):
        assert await layout.size(Digest.of(content)) == len(content)
        assert await whole(layout, Digest.of(content)) == content
    assert await whole(layout, Digest.of(LONG, "sha512")) == LONG


async def test_what_is_not_there_is_not_there(layout: LayoutReader) -> None:
    assert await layout.file("oci-layout", 100) is None
    assert await layout.size(Digest.of(b"else")) is None


async def test_a_file_that_is_too_large_is_refused_unread(layout: LayoutReader) -> None:
    with pytest.raises(ImageLayoutInvalid, match="more than 1 bytes"):
        await layout.file("index.json", 1)


async def test_no_link_is_followed_and_no_device_opened(tmp_path: Path) -> None:
    outside = folder(tmp_path / "outside", {"secret": SMALL, **blobs(SMALL)})
    cases = {name: folder(tmp_path / name, {"index.json": b"{}"}) for name in ("file", "folder", "pipe", "blobs")}
    for name in ("file", "folder", "pipe"):
        (cases[name] / "blobs" / "sha256").mkdir(parents=True)
    (cases["file"] / blob_path(DIGEST)).symlink_to(outside / "secret")
    (cases["folder"] / blob_path(DIGEST)).mkdir()
    os.mkfifo(cases["pipe"] / blob_path(DIGEST))
    (cases["blobs"] / "blobs").symlink_to(outside / "blobs")

    for root in cases.values():
        async with open_layout(root, max_members=MEMBERS) as opened:
            assert isinstance(opened, LayoutReader)
            with pytest.raises(ImageLayoutInvalid):
                await opened.size(DIGEST)


async def test_a_layout_may_itself_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder(tmp_path / "layout", FILES))

    async with open_layout(tmp_path / "link", max_members=MEMBERS) as opened:
        assert isinstance(opened, LayoutReader)
        assert await whole(opened, DIGEST) == SMALL


async def test_a_path_that_leads_nowhere_is_the_systems_to_explain(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        async with open_layout(tmp_path / "nowhere", max_members=MEMBERS):
            pass


@pytest.mark.parametrize("form", FORMATS)
async def test_archives_of_every_format_are_read(tmp_path: Path, form: int) -> None:
    files = FILES if form != tarfile.USTAR_FORMAT else {"index.json": b"{}", **blobs(SMALL)}
    others = {"manifest.json": b"[]", "../index.json": b"x", "/oci-layout": b"x", f"x/{blob_path(DIGEST)}": b"x"}
    content = archive({**others, **{f"./{name}": file for name, file in files.items()}}, form=form)
    (tmp_path / "layout.tar").write_bytes(content)

    async with open_layout(tmp_path / "layout.tar", max_members=MEMBERS) as opened:
        assert isinstance(opened, LayoutReader)
        assert await opened.file("index.json", 9) == b"{}"
        assert await opened.file("oci-layout", 9) is None
        assert await whole(opened, DIGEST) == SMALL
    streamed = dict(await read_as_stream(content))
    assert set(files) <= set(streamed)
    assert all(content in {None, files.get(name, others.get(name))} for name, content in streamed.items())


async def test_a_stream_gives_large_members_and_passes_over_what_is_not_read() -> None:
    found = await read_as_stream(archive({"a": LARGE, "b": LARGE, "c": SMALL}))

    assert found == [("a", LARGE), ("b", None), ("c", SMALL)]


EXTENSION = member("x", 2 << 20, tarfile.XHDTYPE)
BROKEN = {
    "empty": b"",
    "no archive": b"{}" * 600,
    "compressed": gzip.compress(archive(FILES)),
    "cut in a header": archive(FILES)[:700],
    "cut in a member": archive(FILES)[:1500],
    "without an end": archive({"index.json": b"{}"})[:1024],
    "too many members": archive({str(number): b"" for number in range(MEMBERS + 1)}),
    "a huge extension": EXTENSION.tobuf(tarfile.USTAR_FORMAT) + bytes(3 << 20),
    "an extension of nonsense": member("x", 9, tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT) + b"9 path=x!".ljust(1024),
    "a size that is none": archive({}, member("x", pax_headers={"size": "-1"})),
    "a huge size": archive({}, member("x", pax_headers={"size": "9" * 19})),
    "a negative size": member("x", -1).tobuf(tarfile.GNU_FORMAT) + bytes(1024),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_is_no_whole_archive_is_refused(tmp_path: Path, case: str) -> None:
    with pytest.raises(ImageLayoutInvalid):
        await refused_as_file(tmp_path / "layout.tar", BROKEN[case])
    with pytest.raises(ImageLayoutInvalid):
        await read_as_stream(BROKEN[case])


@pytest.mark.parametrize(
    "others",
    [
        [member(blob_path(DIGEST), kind=tarfile.SYMTYPE, linkname="/etc/passwd")],
        [member("index.json", kind=tarfile.LNKTYPE, linkname="x")],
        [member(blob_path(DIGEST), kind=tarfile.FIFOTYPE)],
        [member("index.json"), member("index.json")],
    ],
)
async def test_links_and_doubles_in_an_archive_are_refused(tmp_path: Path, others: list[tarfile.TarInfo]) -> None:
    with pytest.raises(ImageLayoutInvalid):
        await refused_as_file(tmp_path / "layout.tar", archive({}, *others))


WHOLE = archive({"index.json": b"{}", "oci-layout": b"x" * 600, **blobs(SMALL)})


@given(st.lists(st.tuples(st.integers(0, len(WHOLE)), st.binary(min_size=1, max_size=12)), max_size=4), st.booleans())
def test_a_spoilt_archive_is_refused_or_read_within_its_bounds(edits: list[tuple[int, bytes]], mended: bool) -> None:
    content = bytearray(WHOLE)
    for position, new in edits:
        content[position : position + len(new)] = new
    if mended:
        _mend_checksums(content)
    descriptor = os.memfd_create("archive")
    try:
        os.write(descriptor, content)
        found = archived_files(descriptor, MEMBERS)
    except ImageLayoutInvalid:
        return
    finally:
        os.close(descriptor)
    for part in (*found.files.values(), *found.blobs.values()):
        assert 0 <= part.start <= part.start + part.size <= len(content)


def _mend_checksums(content: bytearray) -> None:
    """Let headers be right about themselves, so that what they say is looked at."""
    for start in range(0, len(content) - 511, 512):
        if content[start + 257 : start + 262] == b"ustar":
            content[start + 148 : start + 156] = b" " * 8
            content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])
