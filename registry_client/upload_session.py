"""One upload session: where it is, how far it has come, and the requests that take it on.

(distribution-spec, "Pushing a blob in chunks"; the location is opaque, and its query is kept as it is)
"""

from __future__ import annotations

from collections.abc import Callable

from yarl import URL

from oci_spec.digest import Digest
from registry_client import limits, ranges
from registry_client.errors import AnswerInvalid, DigestMismatch, Refused, RegistryClientError, UploadNotFound
from registry_client.origin import pointed_to, shown
from registry_client.scopes import Scopes
from registry_client.sources import Body, Source
from registry_client.transport import Answer, Request, Transport

_LEAST_CHUNK_DIGITS = 19


class UploadSession:
    """An upload session that holds `offset` bytes; all chunks but the last have at least `least_chunk`."""

    def __init__(self, transport: Transport, scopes: Scopes, opened: Answer) -> None:
        self.offset = 0
        self.least_chunk = _least_chunk(opened.headers.get("OCI-Chunk-Min-Length", ""))
        self._transport = transport
        self._scopes = scopes
        self._location = _location(opened)

    async def send(self, source: Source, stop: int, sent: Callable[[int], None]) -> None:
        """Send the next bytes of `source` up to `stop`, and note how many of them the registry keeps.

        Raises:
            OffsetRefused: others come next; `ask` tells which.
            UploadNotFound: the session has ended.
        """
        start = self.offset
        headers = {"Content-Type": "application/octet-stream", "Content-Range": ranges.chunk(start, stop)}
        request = self._request("PATCH", self._location, headers, Body(source, start, stop, sent))
        answer = await self._transport.fetch(request, {200, 201, 202, 204})
        self._move(answer)
        kept = ranges.parse_uploaded(answer.headers.get("Range"))
        if kept is not None and not start < kept <= stop:
            raise AnswerInvalid(f"{shown(self._location)} was sent the bytes {start} to {stop}, and holds {kept}")
        self.offset = stop if kept is None else kept

    async def close(self, digest: Digest, source: Source, sent: Callable[[int], None]) -> None:
        """Send what is left of `source`, if anything, and have the blob `digest` made of it.

        Raises:
            Refused: the registry will not; with `DIGEST_INVALID` as its code, for what it received is something else.
            DigestMismatch: the registry made another blob.
        """
        left = Body(source, self.offset, source.size, sent) if self.offset < source.size else None
        headers = {} if left is None else {"Content-Type": "application/octet-stream"}
        request = self._request("PUT", _closing(self._location, digest), headers, left)
        answer = await self._transport.fetch(request, {200, 201, 204})
        told = answer.told_digest()
        if told is not None and told.algorithm == digest.algorithm and told != digest:
            raise DigestMismatch(digest, told)

    async def ask(self) -> bool:
        """Have the registry tell how far it is; False where it does not, or the session has ended."""
        try:
            answer = await self._transport.fetch(self._request("GET", self._location), {200, 202, 204})
        except Refused:
            return False
        self._move(answer)
        held = ranges.parse_uploaded(answer.headers.get("Range"))
        self.offset = held or 0
        return held is not None

    async def cancel(self) -> None:
        """Let the registry throw away what it holds, if it will; whoever asks does not care any more."""
        request = self._request("DELETE", self._location)
        try:
            await self._transport.fetch(request, {200, 202, 204})
        except RegistryClientError:
            return

    def _request(
        self, method: str, url: URL, headers: dict[str, str] | None = None, body: Body | None = None
    ) -> Request:
        return Request(
            method,
            url,
            self._scopes,
            headers or {},
            body,
            # After a failure the registry knows what it has received, and this side does not.
            repeatable=method == "GET",
            patience_s=limits.COMMIT_S if method in {"PATCH", "PUT"} else 0,
            not_found=UploadNotFound,
        )

    def _move(self, answer: Answer) -> None:
        if "Location" in answer.headers:
            self._location = _location(answer)


def _location(answer: Answer) -> URL:
    return pointed_to(answer.headers.get("Location", ""), answer.url)


def _closing(location: URL, digest: Digest) -> URL:
    text = str(location)
    return URL(f"{text}{'&' if '?' in text else '?'}digest={digest.algorithm}%3A{digest.encoded}", encoded=True)


def _least_chunk(text: str) -> int:
    plausible = text.isascii() and text.isdigit() and len(text) <= _LEAST_CHUNK_DIGITS
    return int(text) if plausible else 0
