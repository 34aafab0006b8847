"""A layout that comes as a stream, and cannot be read twice: its content is taken into the repository as it comes.

What the layout's index names is known only when all has come, since the index may come last. So everything that the
stream brings is pushed as a blob, manifests too; what nothing needs in the end is collected like other garbage. Nothing
is written twice for it, and no temporary file is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import INDEX_FILE, LAYOUT_BYTES, LAYOUT_FILE, digest_at
from registry import limits
from registry.auth.access import Access
from registry.errors import BlobUnknown
from registry.services import pull
from registry.services.blob_import import BlobImport
from registry.services.context import Services
from storage_backends.layouts.contract import LayoutReader, Member
from storage_backends.layouts.stream import ArchiveStream

_LIMITS = {LAYOUT_FILE: LAYOUT_BYTES, INDEX_FILE: limits.LAYOUT_INDEX_BYTES}


async def received(services: Services, access: Access, stream: ArchiveStream, blobs: BlobImport) -> LayoutReader:
    """The layout that `stream` brought, to be read from the repository from now on.

    Raises:
        ImageLayoutInvalid: the stream is no archive of a layout, or not a whole one.
        DigestMismatch, BlobTooLarge: a file is not what its name says, or too large; what came before is kept.
    """
    files: dict[str, bytes] = {}
    async for member in stream.members():
        digest = digest_at(member.name)
        if digest is None and member.name not in _LIMITS:
            continue
        if not member.is_file:
            raise ImageLayoutInvalid(f"{member.name} in the archive is a link or another thing that no layout may have")
        if digest is not None:
            await blobs.take(digest, member.size, stream.chunks)
        elif member.name in files:
            raise ImageLayoutInvalid(f"{member.name} is in the archive twice")
        else:
            files[member.name] = await _whole(stream, member)
    return _ReceivedLayout(services, access, files)


class _ReceivedLayout(LayoutReader):
    """The files at the root of a layout, in memory, and the rest as blobs of a repository."""

    def __init__(self, services: Services, access: Access, files: dict[str, bytes]) -> None:
        self._services = services
        self._access = access
        self._files = files

    async def file(self, name: str, limit: int) -> bytes | None:
        return self._files.get(name)

    async def size(self, digest: Digest) -> int | None:
        try:
            return (await pull.blob(self._services, self._access, digest)).size
        except BlobUnknown:
            return None

    async def chunks(self, digest: Digest) -> AsyncIterator[bytes]:
        blob = await pull.blob(self._services, self._access, digest)
        async with await pull.open_blob(self._services, self._access, blob) as reader:
            async for chunk in reader.chunks(0, reader.size):
                yield chunk


async def _whole(stream: ArchiveStream, member: Member) -> bytes:
    limit = _LIMITS[member.name]
    if member.size > limit:
        raise ImageLayoutInvalid(f"{member.name} has more than {limit} bytes")
    return b"".join([chunk async for chunk in stream.chunks()])
