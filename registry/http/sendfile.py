"""Sending a part of a file over a connection without its bytes ever being in this process.

`os.sendfile` runs in a thread, because a page that is not in the cache is read from the disk there and then. It never
waits for the client: a job ends when the socket takes no more, and the event loop waits until it does again. So a few
threads serve any number of slow clients, and none of these costs memory. A small part that is in the cache, as far as
the kernel can tell, is sent there and then: a megabyte takes less time than to have a thread do it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Final

from aiohttp import web

from registry.http.direct import DirectConnection
from registry.http.page_cache import is_cached
from registry.http.ranges import ByteRange
from storage_backends.errors import StorageUnavailable

# A quick client must not keep a thread to itself for the length of a whole layer.
_JOB_BYTES: Final = 16 * 1024 * 1024
# What the event loop sends by itself, in about 0.2 ms.
_AT_ONCE_BYTES: Final = 1024 * 1024


class FileSender:
    """Sends parts of one open file over the connection of one request."""

    def __init__(
        self, request: web.BaseRequest, descriptor: int, threads: ThreadPoolExecutor, *, stall_s: float
    ) -> None:
        """Send from the file `descriptor`, dropping a client that takes nothing for `stall_s` seconds."""
        self._threads = threads
        # A cancelled request closes the file while a job may still run, and the number would then be somebody else's.
        with ExitStack() as stack:
            self._source = _duplicate(descriptor, stack)
            self._connection = stack.enter_context(closing(DirectConnection(request, stall_s=stall_s)))
            self._descriptors = stack.pop_all()
        self._job: Future[int] | None = None

    async def send(self, part: ByteRange, sent: Callable[[int], None]) -> None:
        """Send `part`; `sent` is told of each step's bytes.

        Raises:
            ConnectionError: the client is gone.
            TimeoutError: it takes nothing.
            StorageUnavailable: the file is shorter than it was.
        """
        await self._connection.flush()
        target, position = self._connection.descriptor, part.start
        if 0 < part.size <= _AT_ONCE_BYTES and is_cached(self._source, part):
            done = _send(target, self._source, position, part.size)
            sent(done)
            position += done
        while position < part.stop:
            wanted = min(part.stop - position, _JOB_BYTES)
            self._job = self._threads.submit(_send, target, self._source, position, wanted)
            done = await asyncio.wrap_future(self._job)
            sent(done)
            position += done
            if done < wanted:
                await self._connection.writable()

    def close(self) -> None:
        """Give the descriptors back, as soon as no job uses them any more."""
        if self._job is None:
            self._descriptors.close()
        else:
            # At once, if the job is done.
            self._job.add_done_callback(lambda _: self._descriptors.close())


def _duplicate(descriptor: int, stack: ExitStack) -> int:
    duplicate = os.dup(descriptor)
    stack.callback(os.close, duplicate)
    return duplicate


def _send(target: int, source: int, position: int, wanted: int) -> int:
    """Send up to `wanted` bytes, as many as the socket takes without waiting; how many that were."""
    done = 0
    while done < wanted:
        try:
            count = os.sendfile(target, source, position + done, wanted - done)
        except BlockingIOError:
            break
        if count == 0:
            raise StorageUnavailable(EOFError("a stored blob is shorter than its size"))
        done += count
    return done
