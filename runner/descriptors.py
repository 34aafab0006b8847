"""Descriptors that one process gives another over a socket between them (unix(7), SCM_RIGHTS)."""

from __future__ import annotations

import _socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SIZE = struct.calcsize("i")


def send(end: _socket.socket, content: bytes, descriptors: Sequence[int]) -> None:
    """Send bytes, of which there must be some, and descriptors with them; they stay open here, too.

    Raises:
        OSError: nobody is there, or one of them is not open.
    """
    rights = struct.pack(f"{len(descriptors)}i", *descriptors)
    end.sendmsg([content], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])


def receive(end: _socket.socket, most_bytes: int, most: int) -> tuple[bytes, tuple[int, ...]]:
    """The next bytes and the descriptors that came with them, which no program inherits; neither where it is closed."""
    content, sent, _, _ = end.recvmsg(most_bytes, _socket.CMSG_LEN(most * _SIZE), _socket.MSG_CMSG_CLOEXEC)
    packed = sent[0][2] if sent else b""
    return content, struct.unpack(f"{len(packed) // _SIZE}i", packed)
