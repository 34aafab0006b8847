"""Pipes, each as large as whoever runs this process may have them."""

from __future__ import annotations

import fcntl
import os
from typing import Final

# What a user without rights may have at most, unless the machine is set up otherwise (pipe(7)).
_SIZE: Final = 1 << 20


class Pipes:
    """Makes pipes, never more than `most` at a time, for they take memory of the kernel's and two descriptors each.

    It is used by one thread.
    """

    def __init__(self, most: int) -> None:
        self._free = most

    def open(self) -> Pipe | None:
        """A pipe, or None where none of this size can be had."""
        if self._free == 0:
            return None
        try:
            pipe = Pipe(self)
        except OSError:
            return None
        self._free -= 1
        return pipe

    def closed(self) -> None:
        """Take note that a pipe is gone."""
        self._free += 1


class Pipe:
    """A pipe: what is put in at `entry` comes out at `exit`; neither end blocks."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self.exit, self.entry = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.fcntl(self.entry, fcntl.F_SETPIPE_SZ, _SIZE)
        except OSError:
            self._close_ends()
            raise

    def close(self) -> None:
        """Give it back, with what is still in it."""
        self._close_ends()
        self._pipes.closed()

    def _close_ends(self) -> None:
        os.close(self.entry)
        os.close(self.exit)
