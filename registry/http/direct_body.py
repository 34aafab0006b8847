"""A request's body, read from the connection's socket past aiohttp, in whatever thread uses its bytes.

aiohttp's own way makes a new object for each piece, copies it once more on the way through its parser, and does both on
the event loop: that is one core's work, and twice what a large body should cost.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
from typing import Final, Protocol

# A sender this quick is about to send more; for others a thread does not wait at all.
_QUICK_BYTES: Final = 256 * 1024
_LINGER_MS: Final = 2


class Framing(Protocol):
    """How the end of a body is known. `rest` is what was received beyond it."""

    ended: bool
    failed: bool
    rest: bytes

    def places(self, room: memoryview) -> list[memoryview]:
        """Where to receive what comes next, in this order: `room`, or parts of it and others."""
        ...

    def take(self, room: memoryview, received: int) -> int:
        """Have the content of what came to the `places` of `room` at its front; how much that is."""
        ...


class Length:
    """A body of so many bytes, more than none."""

    def __init__(self, size: int) -> None:
        """Stand `size` bytes before the end."""
        self.ended = False
        self.failed = False
        self.rest = b""
        self._left = size

    def places(self, room: memoryview) -> list[memoryview]:
        """Never more than what is left, so that the next request stays where it is."""
        return [room[: self._left]]

    def take(self, room: memoryview, received: int) -> int:
        """Count what came: all of it is content."""
        self._left -= received
        self.ended = self._left == 0
        return received


class DirectBody:
    """What is still to come of a body, behind the bytes `begun` that came already.

    One thread at a time uses it, and nothing in it waits but `readable`, which is the event loop's as `close` is.
    `broken` tells that the client went away, or that what it sends is no such body.
    """

    def __init__(self, descriptor: int, begun: bytes, framing: Framing) -> None:
        """Receive from a duplicate of the socket `descriptor`, which does not block."""
        # Of its own: the connection may be closed while a thread still reads, and its number be somebody else's then.
        self._descriptor = os.dup(descriptor)
        self._begun = memoryview(begun)
        self._framing = framing
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        self._last_filled = 0
        self._came: asyncio.Event | None = None
        self._in_use = threading.Lock()
        self._closed = False
        self.broken = False

    @property
    def ended(self) -> bool:
        """Whether all of it was taken."""
        return self._framing.ended and not self._begun

    @property
    def rest(self) -> bytes:
        """What came behind the body's end, and belongs to the next request."""
        return self._framing.rest

    def fill(self, buffer: memoryview) -> int:
        """Put what has come into `buffer`; how much that is. After 0, it has ended or broken, or is not `readable`."""
        with self._in_use:
            self._last_filled = 0 if self._closed else self._receive(buffer, self._take_begun(buffer))
        # Whoever closed it meanwhile did not wait.
        if self._closed:
            self.close()
        return self._last_filled

    async def readable(self) -> None:
        """Return once more has come, or nothing more will."""
        if self._begun or self.broken or self._framing.ended:
            return
        loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        loop.add_reader(self._descriptor, self._came.set)
        try:
            await self._came.wait()
        finally:
            self._came = None
            if not self._closed:
                loop.remove_reader(self._descriptor)

    def close(self) -> None:
        """Take nothing more. May be repeated; a thread that is taking something closes the descriptor after it."""
        if not self._closed:
            self._closed = True
            self.broken = not self.ended
            if self._came is not None:
                asyncio.get_running_loop().remove_reader(self._descriptor)
                self._came.set()
        if self._in_use.acquire(blocking=False):
            descriptor, self._descriptor = self._descriptor, -1
            self._in_use.release()
            if descriptor >= 0:
                os.close(descriptor)

    def _take_begun(self, buffer: memoryview) -> int:
        size = min(len(buffer), len(self._begun))
        buffer[:size] = self._begun[:size]
        self._begun = self._begun[size:]
        return size

    def _receive(self, buffer: memoryview, filled: int) -> int:
        """Put content behind the first `filled` bytes of `buffer`; how many bytes are in it then."""
        while filled < len(buffer) and not self._framing.ended and not self.broken:
            room = buffer[filled:]
            try:
                received = os.readv(self._descriptor, self._framing.places(room))
            except BlockingIOError:
                if filled or not self._more_comes_at_once():
                    break
                continue
            except OSError:
                received = 0
            filled += self._framing.take(room, received)
            self.broken |= received == 0 or self._framing.failed
        return filled

    def _more_comes_at_once(self) -> bool:
        if self._last_filled < _QUICK_BYTES:
            return False
        self._last_filled = 0
        return bool(self._poll.poll(_LINGER_MS))
