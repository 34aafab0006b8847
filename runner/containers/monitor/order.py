"""The first message of a monitor's first client: which container to start."""

from __future__ import annotations

import _socket
import os
import struct

from runner import record_json
from runner.containers import protocol
from runner.containers.monitor.clients import Client
from runner.json_text import decode, encode
from runner.records import Record

_LONGEST = 16 * 1024


class Order(Record):
    """A container to start, whose bundle and root are there."""

    container: str
    root: str
    state: str
    rows: int | None = None
    columns: int | None = None
    """The size of the client's terminal, where the container has one."""
    shown: bool = True
    """Whether the client wants to see what the container says."""


def send(end: _socket.socket, order: Order, root: int) -> None:
    """Give it, with a descriptor of the container's root."""
    message = protocol.ORDER + encode(record_json.document(order)).encode()
    end.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", root))])


def receive(control: int) -> tuple[Order, int, Client] | None:
    """Wait for it; None where the client ended without one."""
    end = _socket.socket(fileno=control)
    os.set_inheritable(control, False)
    message, sent, _, _ = end.recvmsg(_LONGEST, _socket.CMSG_LEN(struct.calcsize("i")), _socket.MSG_CMSG_CLOEXEC)
    if not message or not sent:
        return None
    order = record_json.record(Order, decode(message[1:].decode()))
    return order, struct.unpack("i", sent[0][2])[0], Client(end)
