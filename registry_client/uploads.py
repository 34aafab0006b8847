"""Pushing blobs: mounted, sent at once or in chunks, and taken up where they broke.

(distribution-spec, "Pushing blobs")

POST uploads/?mount=&from=   201: the blob is there already, and no byte is sent
                             202: a session
PUT session?digest=          all bytes at once; after chunks, none
PATCH session                a chunk: where the caller wants them, and after a break
GET session                  how far a broken session has come
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry_client import blobs, limits
from registry_client.errors import (
    Denied,
    NotFound,
    OffsetRefused,
    RateLimited,
    Unauthorized,
    Unavailable,
    Unreachable,
    Unsupported,
)
from registry_client.progress import Progress
from registry_client.retrying import may_pass, pause, retry_after_s
from registry_client.scopes import to_push
from registry_client.settings import Settings
from registry_client.sources import Source
from registry_client.transport import Answer, Request, Transport
from registry_client.upload_session import UploadSession

# After these an upload goes on from where the registry says, or in a new session.
_BROKEN = (Unreachable, Unavailable, RateLimited, OffsetRefused, NotFound)
# A mount may be refused for what its source needs; the blob can be uploaded all the same.
_MOUNT_REFUSED = (Unauthorized, Denied, NotFound, Unsupported)


class Outcome(StrEnum):
    """How a blob came to be in the repository."""

    PRESENT = "present"
    MOUNTED = "mounted"
    UPLOADED = "uploaded"


@dataclass(frozen=True, slots=True)
class Push:
    """What is pushed to where; `chunk_bytes` bounds a request's body, where a proxy does."""

    repository: RepositoryName
    digest: Digest
    source: Source
    mount_from: RepositoryName | None = None
    chunk_bytes: int | None = None
    progress: Progress | None = None

    def sent(self, position: int) -> None:
        """Tell how far the blob has been sent."""
        if self.progress is not None:
            self.progress.advanced(self.digest, position, self.source.size)


async def push(transport: Transport, wanted: Push) -> Outcome:
    """Bring a blob into a repository: mounted from another one if that can be, else uploaded.

    Raises:
        Refused: the registry will not have it; `DIGEST_INVALID` is its code where the source has other bytes.
        SourceChanged: the source gives fewer or more bytes than it has.
        Unreachable, Unavailable, RateLimited: the upload broke too often without getting on.
    """
    opened = await _open(transport, wanted)
    if opened.status == 201:
        return Outcome.MOUNTED
    session: UploadSession | None = _session(transport, wanted, opened)
    failures = furthest = 0
    while session is not None:
        try:
            await _send_rest(session, wanted)
            break
        except _BROKEN as error:
            failures += 1
            if failures >= transport.settings.attempts or not _may_go_on(error, transport.settings):
                await _give_up(session, error)
                raise
            wanted_s = retry_after_s(error) if isinstance(error, Unavailable | RateLimited) else 0
        await pause(failures, transport.settings, wanted_s)
        session = await _taken_up(transport, session, wanted)
        if session is not None and session.offset - furthest >= limits.PROGRESS_BYTES:
            # Measured over all sessions: one that is lost again and again brings nothing on.
            failures, furthest = 0, session.offset
    return Outcome.UPLOADED


async def _open(transport: Transport, wanted: Push) -> Answer:
    """The answer that mounts the blob, or opens a session."""
    if wanted.mount_from is None:
        return await _start(transport, wanted)
    scopes = to_push(wanted.repository, wanted.mount_from)
    url = transport.origin.url(_path(wanted), f"mount={wanted.digest}&from={wanted.mount_from}")
    try:
        return await transport.fetch(Request("POST", url, scopes), {201, 202})
    except _MOUNT_REFUSED:
        return await _start(transport, wanted)


async def _start(transport: Transport, wanted: Push) -> Answer:
    """The answer that opens a session."""
    algorithm = wanted.digest.algorithm
    # Told beforehand, another algorithm than the usual one costs the registry no second reading.
    hint = "" if algorithm == "sha256" else f"digest-algorithm={algorithm}"
    url = transport.origin.url(_path(wanted), hint)
    return await transport.fetch(Request("POST", url, to_push(wanted.repository)), {202})


def _path(wanted: Push) -> str:
    return f"/v2/{wanted.repository}/blobs/uploads/"


def _session(transport: Transport, wanted: Push, opened: Answer) -> UploadSession:
    return UploadSession(transport, to_push(wanted.repository), opened)


async def _send_rest(session: UploadSession, wanted: Push) -> None:
    size = wanted.source.size
    # At once, in the request that closes the session, unless it must not be, or some of it has been sent.
    chunk_bytes = wanted.chunk_bytes or (size if session.offset else None)
    while chunk_bytes is not None and session.offset < size:
        stop = min(size, session.offset + max(chunk_bytes, session.least_chunk))
        await session.send(wanted.source, stop, wanted.sent)
    await session.close(wanted.digest, wanted.source, wanted.sent)


def _may_go_on(error: Exception, settings: Settings) -> bool:
    if isinstance(error, Unreachable | Unavailable | RateLimited):
        return may_pass(error, settings)
    return True


async def _give_up(session: UploadSession, error: Exception) -> None:
    if not isinstance(error, Unreachable):
        await session.cancel()


async def _taken_up(transport: Transport, session: UploadSession, wanted: Push) -> UploadSession | None:
    """The session as the registry knows it, or a new one; None where the blob is there after all."""
    if await session.ask() and session.offset <= wanted.source.size:
        return session
    # The registry may have closed the session before its answer was lost.
    if await blobs.find(transport, wanted.repository, wanted.digest) is not None:
        return None
    await session.cancel()
    return _session(transport, wanted, await _start(transport, wanted))
