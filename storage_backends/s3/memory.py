"""What the C library keeps of memory that was given back."""

from __future__ import annotations

import ctypes
from contextlib import suppress

LARGE_BLOCK = 1 << 20
"""From this size on, in bytes, memory comes from the system and goes back to it; each of its pages faults anew."""

_M_MMAP_THRESHOLD = -3


def return_large_blocks() -> None:
    """Let blocks of a megabyte and more go back to the system when they are freed, in this process, from now on.

    glibc does that at first, and then, having seen such a block freed, keeps those of its size, for each thread apart:
    parts that pass through many threads would in the end take several times what they are allowed to.
    """
    # Other C libraries have no such function, nor the habit.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)
