"""How far one blob's download has come, over as many answers as it takes."""

from __future__ import annotations

from yarl import URL

from registry_client import limits, ranges
from registry_client.errors import AnswerInvalid, SizeMismatch, TooLarge, Unreachable
from registry_client.lean_aiohttp import aiohttp
from registry_client.origin import shown
from registry_client.sending import translated


class Download:
    """The download of what is at `url`: `at` bytes of `size` have been taken (None: nobody has told how many).

    The first `start` of them are the caller's already.

    It has `ended`, or the answer that it was taken from broke, by `failure`; `failures` counts those without progress.
    """

    def __init__(self, url: URL, size: int | None, start: int = 0) -> None:
        self.url = url
        self.size = size
        self.at = start
        self.ended = False
        self.failure: Unreachable | None = None
        self.failures = 0
        self._etag: str | None = None
        self._to_skip = 0
        self._counted_from = start

    def headers(self) -> dict[str, str]:
        """What to ask with for the bytes that are still to come."""
        if self.at == 0:
            return {}
        validator = {} if self._etag is None else {"If-Range": self._etag}
        return {"Range": ranges.resumption(self.at), **validator}

    def begin(self, answer: aiohttp.ClientResponse) -> None:
        """Take up an answer: it goes on where the last one broke off, or begins anew, as servers without ranges do.

        Raises:
            AnswerInvalid: it is another part than was asked for.
            SizeMismatch: the size that it tells is not the blob's.
        """
        self.failure = None
        total, self._to_skip = answer.content_length, self.at
        if answer.status == 206:
            part = ranges.parse_content_range(answer.headers.get("Content-Range"))
            if part is None or part.start != self.at:
                raise AnswerInvalid(f"{shown(self.url)} answers with another part than was asked for")
            total, self._to_skip = part.total, 0
        self._check_total(total)
        etag = answer.headers.get("ETag", "")
        # A weak one does not say that the bytes are the same.
        self._etag = etag if etag.startswith('"') else None

    async def take(self, body: aiohttp.StreamReader) -> bytes:
        """The next block of the answer's body; an empty one when that has ended or broken.

        Raises:
            SizeMismatch, TooLarge: there are more bytes than there may be.
        """
        block = bytearray()
        while not block and not self.ended and self.failure is None:
            await self._fill(block, body)
            # From an answer that begins anew, what has been taken is not taken again.
            skipped = min(self._to_skip, len(block))
            self._to_skip -= skipped
            del block[:skipped]
            self.at += len(block)
            self._check_end()
        return bytes(block)

    def _check_total(self, total: int | None) -> None:
        if total is None:
            return
        if self.size is None:
            self.size = total
        elif self.size != total:
            raise SizeMismatch(self.size, total)

    async def _fill(self, block: bytearray, body: aiohttp.StreamReader) -> None:
        try:
            with translated(self.url):
                while len(block) < limits.BLOCK_BYTES:
                    part = await body.read(limits.BLOCK_BYTES - len(block))
                    if not part:
                        self.ended = True
                        return
                    block += part
        except Unreachable as error:
            # What came before is good, and is not asked for again.
            self.failure = error

    def _check_end(self) -> None:
        if self.size is not None and self.at > self.size:
            raise SizeMismatch(self.size, self.at)
        if self.at > limits.BLOB_BYTES:
            raise TooLarge(limits.BLOB_BYTES)
        if self.at == self.size:
            # Whatever comes after the last byte: nothing is waited for.
            self.ended, self.failure = True, None
        elif self.ended and self.size is not None:
            self.ended, self.failure = False, Unreachable(shown(self.url), "the body ended early")
        if self.failure is not None:
            self._count_failure()

    def _count_failure(self) -> None:
        if self.at - self._counted_from >= limits.PROGRESS_BYTES:
            self.failures = 0
        self.failures += 1
        self._counted_from = self.at
