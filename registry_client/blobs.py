"""Blobs: looked for, and read as streams that are verified and go on where they broke off.

(distribution-spec, "Pulling blobs"; RFC 9110, "Range Requests" and "If-Range")
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from yarl import URL

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry_client.download import Download
from registry_client.errors import AnswerInvalid, BlobNotFound, DigestMismatch, NotFound
from registry_client.hashing import RunningDigest
from registry_client.origin import shown
from registry_client.progress import Progress
from registry_client.retrying import pause
from registry_client.scopes import to_pull
from registry_client.transport import Request, Transport


async def find(transport: Transport, repository: RepositoryName, digest: Digest) -> int | None:
    """The size of a blob in bytes, or None if the repository does not have it."""
    request = Request("HEAD", _url(transport, repository, digest), to_pull(repository), not_found=BlobNotFound)
    try:
        answer = await transport.fetch(request, {200})
    except NotFound:
        return None
    size = answer.told_size()
    if size is None:
        raise AnswerInvalid(f"{shown(answer.url)} is there, and its size is not told")
    return size


async def read(
    transport: Transport,
    repository: RepositoryName,
    digest: Digest,
    *,
    size: int | None = None,
    progress: Progress | None = None,
) -> AsyncGenerator[bytes]:
    """A blob's bytes, in blocks of about 1 MiB; of `size` bytes, if that is known.

    Only when the iteration has ended by itself are the bytes those of `digest`: until then they are only as many as
    they may be. Who stops before closes the iterator (`contextlib.aclosing`). Any number may be read at the same time.

    Raises:
        BlobNotFound, RepositoryNotFound: it is not there.
        DigestMismatch, SizeMismatch, TooLarge: the bytes are not the blob's.
        Unreachable: the connection broke too often without getting on.
    """
    running = RunningDigest(digest.algorithm)
    async with aclosing(read_rest(transport, repository, digest, 0, size=size, progress=progress)) as blocks:
        async for block in blocks:
            await running.add(block)
            yield block
    actual = await running.digest()
    if actual != digest:
        raise DigestMismatch(digest, actual)


async def read_rest(
    transport: Transport,
    repository: RepositoryName,
    digest: Digest,
    start: int,
    *,
    size: int | None = None,
    progress: Progress | None = None,
) -> AsyncGenerator[bytes]:
    """The same from the byte `start` on, which must exist, and unverified: for who holds the beginning.

    Raises:
        BlobNotFound, RepositoryNotFound, SizeMismatch, TooLarge, Unreachable: as `read` does.
    """
    download = Download(_url(transport, repository, digest), size, start)
    while not download.ended:
        request = Request("GET", download.url, to_pull(repository), download.headers(), not_found=BlobNotFound)
        async with transport.open(request, {200, 206}) as response:
            download.begin(response)
            while block := await download.take(response.content):
                if progress is not None:
                    progress.advanced(digest, download.at, download.size)
                yield block
        if download.failure is not None:
            if download.failures >= transport.settings.attempts:
                raise download.failure
            await pause(download.failures, transport.settings)


def _url(transport: Transport, repository: RepositoryName, digest: Digest) -> URL:
    return transport.origin.url(f"/v2/{repository}/blobs/{digest}")
