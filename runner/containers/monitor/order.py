"""The first message of a monitor's first client: which container to start, and what is mounted for it."""

from __future__ import annotations

import _socket
import os

from runner import descriptors, record_json
from runner.containers import protocol
from runner.containers.monitor.clients import Client
from runner.json_text import decode, encode
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 64 * 1024
_LONGEST_REASON = 4096
_MOST_MOUNTS = 2


class Order(Record):
    """A container to start, of whose last run nothing is left."""

    container: str
    root: str
    state: str
    rows: int | None = None
    columns: int | None = None
    """The size of the client's terminal, where the container has one."""
    reason: str = ""
    """Why it cannot be started; empty where it can be: then the mounts of its root and of a joined /dev/shm come."""
    status: int = 0
    """The exit status for that."""


def send(end: _socket.socket, order: Order, mounts: Sequence[int] = ()) -> None:
    """Give it."""
    document = record_json.document(order._replace(reason=order.reason[:_LONGEST_REASON]))
    descriptors.send(end, protocol.ORDER + encode(document).encode(), mounts)


def receive(control: int) -> tuple[Order, Client, tuple[int, ...]] | None:
    """Wait for it; None where the client ended without one."""
    end = _socket.socket(fileno=control)
    os.set_inheritable(control, False)
    message, mounts = descriptors.receive(end, _LONGEST, _MOST_MOUNTS)
    if not message:
        return None
    return record_json.record(Order, decode(message[1:].decode())), Client(end), mounts
