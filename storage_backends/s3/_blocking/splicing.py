"""A body that goes from S3's socket to a client's by way of a pipe, without copies and past this process: splice(2).

Nothing here waits for longer than moments, so that a few threads serve any number of slow clients.
"""

from __future__ import annotations

import os
import select
from enum import Enum, auto
from typing import Final

from storage_backends.s3._blocking.pipes import Pipe
from storage_backends.s3._blocking.plain_body import BodyBroken, PlainBody

# A quick client must not keep a thread to itself for the length of a whole layer.
_JOB_BYTES: Final = 16 << 20
# Sides this quick are about to go on; for others a thread does not wait at all.
_QUICK_BYTES: Final = 256 << 10
_LINGER_MS: Final = 2
_FLAGS: Final = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE


class Pause(Enum):
    """What has to come before the next step."""

    NOTHING = auto()
    SOURCE_READABLE = auto()
    TARGET_WRITABLE = auto()


class Splice:
    """The first `most` bytes of `body`, if there are so many, on their way through `pipe` to the socket `target`.

    `source` is the socket that they come from.
    """

    def __init__(self, body: PlainBody, most: int, pipe: Pipe, target: int) -> None:
        self._body, self._pipe, self._target = body, pipe, target
        self.source = body.descriptor
        # Bytes that have not arrived yet: in this process, in the pipe, and still to come from the source.
        self._begun: bytes | None = None
        self._piped = 0
        self._left = min(most, body.size)
        self._beyond = body.size - self._left
        self._polls = {Pause.SOURCE_READABLE: select.poll(), Pause.TARGET_WRITABLE: select.poll()}
        self._polls[Pause.SOURCE_READABLE].register(self.source, select.POLLIN)
        self._polls[Pause.TARGET_WRITABLE].register(target, select.POLLOUT)

    @property
    def done(self) -> bool:
        """Whether all bytes have arrived in the target."""
        return not (self._begun or self._piped or self._left)

    def step(self) -> tuple[int, Pause]:
        """Move what there is, in a thread: how many bytes arrived in the target, and what is to be waited for then.

        Raises:
            BodyBroken: the source has ended; all that came of it has arrived.
            OSError: whoever is behind the target is gone.
        """
        arrived = quick = 0
        while arrived < _JOB_BYTES and not self.done:
            pause = Pause.TARGET_WRITABLE if self._begun or self._piped else Pause.SOURCE_READABLE
            try:
                moved = self._take() if pause is Pause.SOURCE_READABLE else self._give()
            except BlockingIOError:
                if quick < _QUICK_BYTES or not self._polls[pause].poll(_LINGER_MS):
                    return arrived, pause
                quick = 0
                continue
            except (BodyBroken, OSError):
                if arrived == 0:
                    raise
                # What arrived is to be told first. The next step comes upon the same.
                break
            quick += moved
            if pause is Pause.TARGET_WRITABLE:
                arrived += moved
        return arrived, Pause.NOTHING

    def end(self) -> bool:
        """Let the body's connection be used again, once all is `done`; whether nothing is left of the body."""
        if self._beyond == 0:
            self._body.end()
        return self._beyond == 0

    def _take(self) -> int:
        if self._begun is None:
            if not self._polls[Pause.SOURCE_READABLE].poll(0):
                # Where nothing came with the headers, it would be waited for.
                raise BlockingIOError
            self._begun = self._body.begun()
            self._left -= len(self._begun)
            return len(self._begun)
        try:
            moved = os.splice(self.source, self._pipe.entry, self._left, flags=_FLAGS)
        except BlockingIOError:
            raise
        except OSError as error:
            raise BodyBroken from error
        if moved == 0:
            raise BodyBroken
        self._piped += moved
        self._left -= moved
        return moved

    def _give(self) -> int:
        if self._begun:
            moved = os.write(self._target, self._begun)
            self._begun = self._begun[moved:]
        else:
            moved = os.splice(self._pipe.exit, self._target, self._piped, flags=_FLAGS)
            self._piped -= moved
        return moved
