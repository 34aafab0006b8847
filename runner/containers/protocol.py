"""What a container's monitor and its clients say to each other, over sockets that keep messages apart.

The first client is the command line that has started the monitor, over the socket pair that it made; others come by the
container's socket `attach`. A message is one byte for its kind, and what that kind carries:

    client   order     →    the first message of the first client: a container to start, as JSON, and mounts for it
    monitor  started   ←    it runs; to the first client only
             failed    ←    it does not: the exit status for the command line, and why
             warning   ←    something that was asked for had to be left out
             output    ←    what the container has written to its standard output, or to its terminal
             errors    ←    and to its standard error
             ended     ←    its exit status; nothing follows
    client   input     →    for its standard input
             end       →    there is no more input
             size      →    rows and columns of the client's terminal
             quiet     →    it wants to be told the end, and nothing else
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Final

ORDER: Final = b"r"
STARTED: Final = b"s"
FAILED: Final = b"f"
WARNING: Final = b"w"
OUTPUT: Final = b"o"
ERRORS: Final = b"e"
ENDED: Final = b"z"
INPUT: Final = b"i"
END: Final = b"d"
SIZE: Final = b"t"
QUIET: Final = b"q"

BLOCK: Final = 32 * 1024
"""Most bytes of input or output in one message; a socket takes several such."""

_LONGEST_TEXT: Final = 4096
_NUMBER_BYTES: Final = 2


def receive(end: _socket.socket) -> bytes:
    """A client's next message, waited for; empty where the monitor has ended."""
    try:
        return end.recv(BLOCK + 1)
    except ConnectionResetError:
        # It ended before it had read all that was sent to it. What it had sent itself is still there.
        return end.recv(BLOCK + 1)


def status_message(kind: bytes, status: int, text: str = "") -> bytes:
    """FAILED or ENDED."""
    return kind + bytes([status & 0xFF]) + text.encode("utf-8", "backslashreplace")[:_LONGEST_TEXT]


def status_of(message: bytes) -> tuple[int, str]:
    """The status, and the text, of such a message."""
    return message[1], message[2:].decode("utf-8", "replace")


def size_message(rows: int, columns: int) -> bytes:
    """SIZE."""
    return SIZE + b"".join([number.to_bytes(_NUMBER_BYTES, sys.byteorder) for number in (rows, columns)])


def size_of(message: bytes) -> tuple[int, int] | None:
    """Rows and columns; None where the message is none of this kind."""
    if len(message) != 1 + 2 * _NUMBER_BYTES:
        return None
    return int.from_bytes(message[1:3], sys.byteorder), int.from_bytes(message[3:5], sys.byteorder)
