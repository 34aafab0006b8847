"""The load generator against a server that answers in ways that registries may."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from benchmarks.generator import Generator, LoadFailed, Request, RequestPlan, UploadPlan

pytestmark = pytest.mark.tool("go")

CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = 300_000


def plan(method: str = "GET", *, requests: int = 3, fresh: bool = False, copy: bool = False) -> RequestPlan:
    return RequestPlan(connections=1, requests=(Request(method, "/"),) * requests, seconds=0, fresh=fresh, copy=copy)


@contextmanager
def answering(*pieces: bytes) -> Iterator[str]:
    """A server that answers every request with `pieces`, each sent by itself; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_serve, args=(listener, pieces))
        server.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def _serve(listener: socket.socket, pieces: Sequence[bytes]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while connection.recv(65536):
                for piece in pieces:
                    connection.sendall(piece)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    ("pieces", "size"),
    [
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"], 5),
        ([b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n", b"\r\n", b"hel", b"lo"], 5),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", bytes(LARGE)], LARGE),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 0),
        ([CHUNKED_HEAD, b"5\r\nhello\r\n0\r\n\r\n"], 5),
        ([CHUNKED_HEAD, b"5;x=y\r", b"\nhe", b"llo\r", b"\n", b"0", b"\r\nTrailer: x\r\n", b"\r\n"], 5),
        ([CHUNKED_HEAD, b"493e0\r\n", bytes(LARGE), b"\r\n0\r\n\r\n"], LARGE),
    ],
)
def test_an_answer_is_read_to_its_end_however_it_arrives(
    generator: Generator, pieces: list[bytes], size: int, fresh: bool
) -> None:
    with answering(*pieces) as address:
        work = generator.ask(address, None, plan(fresh=fresh))

    assert work.operations == 3
    assert work.size == 3 * size


@pytest.mark.parametrize("fresh", [False, True])
def test_each_request_is_sent_however_short_the_time(generator: Generator, fresh: bool) -> None:
    with answering(b"HTTP/1.1 204 No Content\r\n\r\n") as address:
        work = generator.ask(address, None, replace(plan(fresh=fresh), seconds=1e-9))

    assert work.operations == 3


def test_bodies_may_be_copied_out_of_the_kernel(generator: Generator) -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", bytes(LARGE)) as address:
        work = generator.ask(address, None, plan(copy=True))

    assert work.size == 3 * LARGE


def test_an_answer_to_head_has_no_body(generator: Generator) -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n") as address:
        work = generator.ask(address, None, plan("HEAD"))

    assert work.operations == 3
    assert work.size == 0


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-something\r\n\r\n"]
)
def test_a_server_that_refuses_fails_the_run(generator: Generator, answer: bytes) -> None:
    with answering(answer) as address, pytest.raises(LoadFailed):
        generator.ask(address, None, plan())


@pytest.mark.parametrize("size", [0, 1500, 64 * 1024 + 1, 9 * 2**20 + 1])
@pytest.mark.parametrize("copy", [False, True])
def test_its_own_responder_answers_with_so_many_bytes(generator: Generator, size: int, copy: bool) -> None:
    requests = (Request("GET", "/"), Request("HEAD", "/"), Request("GET", "/"))
    asked = RequestPlan(connections=2, requests=requests, seconds=0, copy=copy)

    with generator.responder(size, threads=2) as responder:
        work = generator.ask(responder.address, None, asked)

    assert work.operations == 3
    assert work.size == 2 * size


@pytest.mark.parametrize("chunked", [False, True])
def test_its_own_responder_takes_uploads(generator: Generator, chunked: bool) -> None:
    plan = UploadPlan(
        connections=2, repository="any", size=9 * 2**20, chunked=chunked, operations=3, seconds=0, seed="seed"
    )

    with generator.responder(0) as responder:
        work = generator.upload(responder.address, None, plan)

    assert work.size == 3 * plan.size


def test_what_a_run_costs_its_client_is_told(generator: Generator) -> None:
    asked = RequestPlan(connections=8, requests=(Request("GET", "/"),), seconds=0.2)

    with generator.responder(1500) as responder:
        work = generator.ask(responder.address, None, asked)

    assert work.client_s is not None
    assert work.client_load is not None
    assert 0 < work.client_s <= work.seconds * 1.1
    # What the one thread could have had, whatever the machine has beside it.
    assert work.client_load == pytest.approx(work.client_s / work.seconds)


@pytest.mark.parametrize(
    "work",
    [
        lambda generator: generator.ask("192.0.2.1:80", None, plan()),
        lambda generator: generator.ask("192.0.2.1:80", None, plan(fresh=True)),
    ],
)
def test_no_other_machine_is_asked(generator: Generator, work: Callable[[Generator], object]) -> None:
    with pytest.raises(LoadFailed, match="no loopback address"):
        work(generator)
