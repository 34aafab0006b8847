"""The dialogue of the supervisor and one of its workers, over a pair of sockets that keep messages apart.

    worker → supervisor    READY             it serves
                           FAILED, reason    it cannot begin to serve, and ends
                           UNFIT, reason     no worker may serve any longer
    supervisor → worker    a `Reload`        what to go on with
    worker → supervisor    TAKEN             it does
                           TAKEN, reason     it does, but for the certificate

A worker learns of a reload by what it is told, never by reading files of its own accord: so all of them go on with the
same. It is told of the next one only when it has taken the last.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec

_MESSAGE_BYTES: Final = 64 * 1024
_REASON_BYTES: Final = 4096


class Reload(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration's values that a reload may change, and whether to load the certificate again."""

    values: dict[str, object]
    certificate: bool


class Word(Enum):
    """What a worker says; `GONE` is said for it when it has ended."""

    READY = b"ready"
    FAILED = b"failed"
    UNFIT = b"unfit"
    TAKEN = b"taken"
    GONE = b""


@dataclass(frozen=True, slots=True)
class Said:
    """A worker's word, and the reason where something could not be done."""

    word: Word
    reason: str = ""


class SupervisorEnd:
    """Where the supervisor hears and tells one worker; it never waits."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end

    def fileno(self) -> int:
        """The descriptor, for selectors."""
        return self._end.fileno()

    def hear(self) -> Said:
        """What the worker said; to be called when there is something."""
        try:
            word, _, reason = self._end.recv(_MESSAGE_BYTES).partition(b" ")
        except ConnectionResetError:
            # It ended without hearing the last that it was told.
            return Said(Word.GONE)
        return Said(Word(word), reason.decode(errors="replace"))

    def tell(self, reload: Reload) -> None:
        """Tell it what to go on with. That it may have ended meanwhile is noticed elsewhere."""
        with suppress(ConnectionError):
            self._end.send(msgspec.json.encode(reload))

    def close(self) -> None:
        """End the dialogue."""
        self._end.close()


class WorkerEnd:
    """Where a worker talks to its supervisor."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def say(self, word: Word, reason: str = "") -> None:
        """Say one word, with a reason where something could not be done."""
        self._end.send(b" ".join((word.value, reason.encode(errors="replace")[:_REASON_BYTES])))

    async def next_reload(self) -> Reload:
        """Wait for the next reload."""
        self._end.setblocking(False)
        loop = asyncio.get_running_loop()
        message = await loop.sock_recv(self._end, _MESSAGE_BYTES)
        if not message:
            # The supervisor has died, and the kernel ends this process with it.
            await loop.create_future()
        return msgspec.json.decode(message, type=Reload)

    def close(self) -> None:
        """End the dialogue."""
        self._end.close()


def pair() -> tuple[SupervisorEnd, WorkerEnd]:
    """Both ends of a new dialogue."""
    supervisor, worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return SupervisorEnd(supervisor), WorkerEnd(worker)
