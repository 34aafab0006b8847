"""Bodies of requests as services get them, whole and broken, and what they leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from oci_spec.digest import Digest
from registry.auth.access import Access
from registry.errors import BodyIncomplete
from registry.metadata.transaction import Transaction
from registry.services import uploads
from registry.services.context import Services, now
from registry.services.upload_body import Body


def body(*chunks: bytes, start: int | None = None, length: int | None = None) -> Body:
    """A body that brings these chunks, whatever it says of itself."""
    return Body(_whole(chunks), start=start, length=length)


def broken_body(*chunks: bytes, start: int | None = None, length: int | None = None) -> Body:
    """A body whose client goes away after these chunks."""
    return Body(_broken(chunks), start=start, length=length)


class HeldBody:
    """Chunks of which the first comes at once, and the rest when the test says so."""

    def __init__(self, first: bytes, rest: bytes) -> None:
        self.taken = asyncio.Event()
        self.opened = asyncio.Event()
        self._first, self._rest = first, rest

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._first
        self.taken.set()
        await self.opened.wait()
        yield self._rest


async def push_blob(services: Services, access: Access, content: bytes, algorithm: str = "sha256") -> Digest:
    """Push `content` in one request; its digest."""
    digest = Digest.of(content, algorithm)
    await uploads.receive(services, access, digest, body(content, length=len(content)))
    return digest


async def spend_lease(services: Services, access: Access, digest: Digest, *, left_s: float) -> None:
    """Let the lease of a blob end in `left_s` seconds, as if it had been given out earlier."""
    link = await services.database.lookups.linked_blob(access.repository, digest)
    assert link is not None
    moment = now()
    until = moment + timedelta(seconds=left_s)

    def relink(tx: Transaction) -> None:
        tx.blobs.unlink(link.repository_id, digest)
        tx.blobs.link(link.repository_id, link.blob_id, until, now=moment)

    await services.database.write(relink)


async def stored_bytes(services: Services, key: str) -> bytes:
    """All bytes of the object under `key`."""
    async with await services.store.open(key) as reader:
        return b"".join([chunk async for chunk in reader.chunks(0, reader.size)])


def stored_blobs(root: Path) -> list[Path]:
    """The files of all committed objects in a filesystem store."""
    return [path for path in (root / "blobs").rglob("*") if path.is_file()]


def upload_files(root: Path) -> list[Path]:
    """The files of all uploads in a filesystem store that are neither committed nor dropped."""
    return [path for path in (root / "uploads").iterdir() if not path.name.startswith(".")]


async def _whole(chunks: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _broken(chunks: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise BodyIncomplete
