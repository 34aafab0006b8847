"""Many connections of one process, each with bytes of a test's choice, from as many addresses as that takes."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse

from tests.registry.app.processes import Answer, Registry, whole

_PER_ADDRESS = 2000


@contextmanager
def connections(registry: Registry, count: int, *, receive_bytes: int | None = None) -> Iterator[list[socket.socket]]:
    """So many connections, closed at the end; the kernel takes at most `receive_bytes` that are not read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard > count + 256, f"only {hard} descriptors may be open here"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 256), hard))
    try:
        with ExitStack() as stack:
            yield [stack.enter_context(_connected(registry, number, receive_bytes)) for number in range(count)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def answer_on(connection: socket.socket) -> Answer:
    """The next answer on a connection."""
    response = HTTPResponse(connection)
    response.begin()
    return whole(response)


def is_open(connection: socket.socket) -> bool:
    """Whether the server keeps an idle connection open."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        connection.setblocking(True)


def _connected(registry: Registry, number: int, receive_bytes: int | None) -> socket.socket:
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    # One address has ports for some ten thousand connections, less those that others use.
    connection.bind((f"127.0.0.{1 + number // _PER_ADDRESS}", 0))
    connection.connect(("127.0.0.1", registry.port))
    return connection
