"""Signals as bytes of a pipe, so that one poll(2) waits for them too."""

from __future__ import annotations

import os

from runner.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Wakeup:
    """From here on these signals do nothing but come to this pipe."""

    __slots__ = ("_reader", "_writer")

    def __init__(self, numbers: Iterable[int]) -> None:
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._writer)
        # Handlers, for what is ignored is ignored by programs that are executed as well.
        for number in numbers:
            signal.signal(number, lambda _number, _frame: None)

    def fileno(self) -> int:
        """The descriptor."""
        return self._reader

    def read(self) -> bytes:
        """The numbers of the signals that have come."""
        try:
            return os.read(self._reader, 4096)
        except BlockingIOError:
            return b""
