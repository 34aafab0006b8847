"""Clients that are slower than anybody, or go away in the middle: others are served, and nothing is left of them."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from tests.faults.connections import answer_on, connections
from tests.faults.footprint import descriptors, memory
from tests.faults.patience import UNHURRIED
from tests.faults.pushing import Repository
from tests.registry.app.processes import Registry, running

MIB = 1 << 20
WORKERS = 2
# Of each kind; more than a worker has threads of any kind.
CLIENTS = 40

LAYER = os.urandom(4 * MIB)
BODY = os.urandom(2 * MIB)
_SESSIONS = "/v2/team/app/blobs/uploads/"

GET = b"GET /v2/team/app/manifests/1 HTTP/1.1\r\nHost: registry\r\nX-Long: " + b"x" * 10_000 + b"\r\n\r\n"
PULL = f"GET /v2/team/app/blobs/{Digest.of(LAYER)} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n".encode()


def push(body: bytes, framed: bytes, *headers: str) -> bytes:
    """A whole blob in one request."""
    lines = [f"POST {_SESSIONS}?digest={Digest.of(body)} HTTP/1.1", "Host: registry", *headers, "", ""]
    return "\r\n".join(lines).encode() + framed


PLAIN = push(BODY, BODY, f"Content-Length: {len(BODY)}")
CHUNKED = push(BODY, b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), "Transfer-Encoding: chunked")


@pytest.fixture
def stall_s() -> int:
    """For how long a client may make no progress: here, what the machine does beside them may take long."""
    return 300


@pytest.fixture
def registry(tmp_path: Path, stall_s: int) -> Iterator[Registry]:
    settings = (f"server.workers={WORKERS}", *UNHURRIED, f"limits.stall_s={stall_s}")
    with running(tmp_path / "data", *settings) as started:
        Repository(started).push_image(LAYER, "1")
        yield started
        assert "Traceback" not in "".join(started.said)


@contextmanager
def byte_by_byte(step: Callable[[], None]) -> Iterator[None]:
    """Take one step after another, for as long as the block runs."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            step()

    dripping = threading.Thread(target=go_on)
    dripping.start()
    try:
        yield
    finally:
        over.set()
        dripping.join()


@pytest.mark.parametrize(
    ("request_", "begun", "status"),
    [(GET, 1, 200), (PLAIN, 200_000, 201), (CHUNKED, 200_000, 201)],
    ids=["headers", "body", "chunked body"],
)
def test_requests_that_come_byte_by_byte_hold_up_nobody(
    registry: Registry, request_: bytes, begun: int, status: int
) -> None:
    with connections(registry, CLIENTS) as slow:
        for connection in slow:
            connection.sendall(request_[:begun])
        sent = begun

        def send_one_more() -> None:
            nonlocal sent
            for connection in slow:
                connection.sendall(request_[sent : sent + 1])
            sent += 1

        with byte_by_byte(send_one_more):
            assert_others_are_served(registry)
            while sent < begun + 50:
                pass

        for connection in slow:
            connection.sendall(request_[sent:])
        assert {answer_on(connection).status for connection in slow} == {status}


def test_answers_that_are_taken_byte_by_byte_hold_up_nobody(registry: Registry) -> None:
    before = memory(registry)
    with connections(registry, CLIENTS, receive_bytes=4096) as slow:
        for connection in slow:
            connection.sendall(PULL)
        taken = [bytearray() for _ in slow]

        def take_one_more() -> None:
            for answer, connection in zip(taken, slow, strict=True):
                answer.extend(connection.recv(1))

        with byte_by_byte(take_one_more):
            assert_others_are_served(registry)
            # No answer waits in the memory of the registry.
            assert memory(registry) - before < CLIENTS * MIB
            while len(taken[-1]) < 50:
                pass

        for answer, connection in zip(taken, slow, strict=True):
            while more := connection.recv(MIB):
                answer.extend(more)
    assert {Digest.of(bytes(answer.partition(b"\r\n\r\n")[2])) for answer in taken} == {Digest.of(LAYER)}


def reset(connection: socket.socket) -> None:
    """Go away without a word, as a crashed machine's successor does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def end(connection: socket.socket) -> None:
    """End the connection in the middle."""
    connection.close()


def end_half(connection: socket.socket) -> None:
    """Say that nothing more comes, and wait for an answer."""
    connection.shutdown(socket.SHUT_WR)


def be_silent(_connection: socket.socket) -> None:
    """Be gone, as behind a cut cable: nothing tells."""


@pytest.mark.parametrize("stall_s", [2])
@pytest.mark.parametrize("vanish", [reset, end, end_half, be_silent])
def test_clients_that_vanish_in_the_middle_leave_nothing_behind(
    registry: Registry, vanish: Callable[[socket.socket], None], tmp_path: Path
) -> None:
    open_before, uploads = descriptors(registry), tmp_path / "data" / "storage" / "uploads"
    with connections(registry, 4 * CLIENTS, receive_bytes=4096) as gone:
        for number, connection in enumerate(gone):
            request = (GET[:5000], PLAIN[:MIB], CHUNKED[:MIB], PULL)[number % 4]
            connection.sendall(request)
        for connection in gone:
            vanish(connection)
        assert_others_are_served(registry)
        # Before the clients' own ends are closed.
        while descriptors(registry) > open_before + CLIENTS or stored(uploads):
            pass
    while descriptors(registry) > open_before + 8:
        pass
    assert_others_are_served(registry)


def assert_others_are_served(registry: Registry) -> None:
    """Whoever asks for something gets it, from either worker."""
    repository = Repository(registry)
    for number in range(10):
        repository.assert_pullable(LAYER, "1")
        assert repository.push_blob(b"%d" % number).status == 201


def stored(uploads: Path) -> list[str]:
    """What is stored of uploads that did not end."""
    return [path.name for path in uploads.iterdir() if not path.name.startswith(".")]
