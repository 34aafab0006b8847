"""The first message of a monitor's first client: which container to start."""

from __future__ import annotations

import _socket
import os

from runner import record_json
from runner.containers import protocol
from runner.containers.monitor.clients import Client
from runner.json_text import decode, encode
from runner.records import Record

_LONGEST = 16 * 1024


class Order(Record):
    """A container to start, of whose last run nothing is left."""

    container: str
    root: str
    state: str
    rows: int | None = None
    columns: int | None = None
    """The size of the client's terminal, where the container has one."""
    stepwise: bool = False
    """Whether the client wants to look at the bundle before anything is made of it."""


def send(end: _socket.socket, order: Order) -> None:
    """Give it."""
    end.send(protocol.ORDER + encode(record_json.document(order)).encode())


def receive(control: int) -> tuple[Order, Client] | None:
    """Wait for it; None where the client ended without one."""
    end = _socket.socket(fileno=control)
    os.set_inheritable(control, False)
    message = end.recv(_LONGEST)
    if not message:
        return None
    return record_json.record(Order, decode(message[1:].decode())), Client(end)
