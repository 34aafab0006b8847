"""Archives made for tests, honest ones and others, and how they reach a reader."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from oci_spec.digest import Digest
from oci_spec.image_layout import blob_path
from storage_backends.layouts.contract import LayoutReader
from storage_backends.layouts.reading import open_layout
from storage_backends.layouts.stream import ArchiveStream

MEMBERS = 50


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    """The header of a member, with these fields."""
    made = tarfile.TarInfo(name)
    made.size, made.type = size, kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def archive(files: Mapping[str, bytes], *others: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of `files` and then of some members without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as made:
        for name, content in files.items():
            made.addfile(member(name, len(content)), io.BytesIO(content))
        for other in others:
            made.addfile(other)
    return buffer.getvalue()


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """A folder that holds `files`; `root` again."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def blobs(*contents: bytes, algorithm: str = "sha256") -> dict[str, bytes]:
    """These contents as files of a layout."""
    return {blob_path(Digest.of(content, algorithm)): content for content in contents}


async def whole(layout: LayoutReader, digest: Digest) -> bytes:
    """All that the layout has under `digest`."""
    return b"".join([chunk async for chunk in layout.chunks(digest)])


async def refused_as_file(path: Path, content: bytes) -> None:
    """Open an archive in a file, and be refused."""
    path.write_bytes(content)
    async with open_layout(path, max_members=MEMBERS) as layout:
        assert isinstance(layout, LayoutReader)


async def read_as_stream(content: bytes) -> list[tuple[str, bytes | None]]:
    """The members of an archive that comes through a pipe: the names, and the content of every second one."""
    with pipe_of(content) as descriptor:
        async with open_layout(descriptor, max_members=MEMBERS) as stream:
            assert isinstance(stream, ArchiveStream)
            return [found async for found in _members(stream)]


@contextmanager
def pipe_of(content: bytes) -> Iterator[int]:
    """A pipe that brings `content` in pieces of no good size."""
    reader, writer = os.pipe()

    def feed() -> None:
        try:
            with os.fdopen(writer, "wb", buffering=0) as pipe:
                for start in range(0, len(content), 70_001):
                    pipe.write(content[start : start + 70_001])
        except BrokenPipeError:
            pass  # Whoever reads has seen enough.

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield reader
    finally:
        os.close(reader)
        thread.join()


async def _members(stream: ArchiveStream) -> AsyncIterator[tuple[str, bytes | None]]:
    is_read = True
    async for found in stream.members():
        content = b"".join([chunk async for chunk in stream.chunks()]) if is_read else None
        is_read = not is_read
        yield found.name, content
