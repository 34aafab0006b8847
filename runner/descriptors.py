"""Descriptors that one process gives another over a socket between them (unix(7), SCM_RIGHTS)."""

from __future__ import annotations

import _socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Of a C `int`. Without `struct`, whose part that is written in C takes a while to be loaded.
_SIZE = 4


def send(end: _socket.socket, content: bytes, descriptors: Sequence[int]) -> None:
    """Send bytes, of which there must be some, and descriptors with them; they stay open here, too.

    Raises:
        OSError: nobody is there, or one of them is not open.
    """
    rights = b"".join([each.to_bytes(_SIZE, sys.byteorder) for each in descriptors])
    end.sendmsg([content], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])


def receive(end: _socket.socket, most_bytes: int, most: int) -> tuple[bytes, tuple[int, ...]]:
    """The next bytes and the descriptors that came with them, which no program inherits; neither where it is closed."""
    content, sent, _, _ = end.recvmsg(most_bytes, _socket.CMSG_LEN(most * _SIZE), _socket.MSG_CMSG_CLOEXEC)
    packed = sent[0][2] if sent else b""
    starts = range(0, len(packed), _SIZE)
    return content, tuple([int.from_bytes(packed[start : start + _SIZE], sys.byteorder) for start in starts])
