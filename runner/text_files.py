"""Small files of text, read and written at once.

What `open` gives makes four objects and asks the kernel six times more: most of the time that such a file takes.
Bytes that are no UTF-8 come through both ways.
"""

from __future__ import annotations

import os

_PIECE_BYTES = 64 * 1024


def read(path: str) -> str:
    """What a file holds.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = b""
        while piece := os.read(descriptor, _PIECE_BYTES):
            content += piece
    finally:
        os.close(descriptor)
    return content.decode("utf-8", "surrogateescape")


def write(path: str, text: str, mode: int) -> None:
    """Put a text into a file, in place of what it held; `mode` is that of a new one, but for what the umask takes.

    Raises:
        OSError: it cannot be written.
    """
    left = text.encode("utf-8", "surrogateescape")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)
