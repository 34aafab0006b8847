"""More connections than anybody needs: whoever rests on one costs little, and whoever wants something is served."""

from __future__ import annotations

import os
import resource
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from tests.faults.connections import answer_on, connections, is_open
from tests.faults.footprint import descriptors, memory
from tests.faults.log_lines import ONE_FOR_EACH_CAUSE
from tests.faults.patience import UNHURRIED
from tests.faults.pushing import Repository
from tests.registry.app.processes import Registry, running

KIB = 1 << 10
WORKERS = 2
REQUEST = b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n\r\n"
# More than is answered without a descriptor that stays open for a while.
LAYER = os.urandom(128 * KIB)


@pytest.mark.heavy
@pytest.mark.timeout(300)
def test_10000_idle_connections_cost_little_and_keep_nobody_waiting(tmp_path: Path) -> None:
    # Each worker takes 6,645 connections where this is the limit; the kernel gives one a few more than the other.
    allow(20_000)
    with running(tmp_path / "data", f"server.workers={WORKERS}", *UNHURRIED, first=at_most(20_000)) as registry:
        repository = Repository(registry)
        repository.push_image(LAYER, "1")
        memory_before, open_before = memory(registry), descriptors(registry)
        with connections(registry, 10_000) as idle:
            for connection in idle:
                connection.sendall(REQUEST)
            assert {answer_on(connection).status for connection in idle} == {200}

            for number in range(100):
                repository.assert_pullable(LAYER, "1")
                assert repository.push_blob(str(number).encode()).status == 201
            each = (memory(registry) - memory_before) / len(idle)
            assert descriptors(registry) >= len(idle)
            assert all(is_open(connection) for connection in idle)

        while descriptors(registry) > open_before + 10:
            pass
        assert registry.ask("GET", "/v2/").status == 200

    assert each < 16 * KIB


def test_connections_beyond_the_descriptors_take_the_place_of_those_that_rest(tmp_path: Path) -> None:
    with running(tmp_path / "data", f"server.workers={WORKERS}", first=at_most(256) + ONE_FOR_EACH_CAUSE) as registry:
        repository = Repository(registry)
        repository.push_image(LAYER, "1")
        workers = registry.workers()
        with ExitStack() as stack:
            idle = []
            for _ in range(600):
                # Each is served, and rests from then on.
                [connection] = stack.enter_context(connections(registry, 1))
                connection.sendall(REQUEST)
                assert answer_on(connection).status == 200
                idle.append(connection)
            repository.assert_pullable(LAYER, "1")
            kept = [is_open(connection) for connection in idle]

        assert registry.workers() == workers

    # Each worker has room for 64, and makes it by as many at a time: the newest stay.
    assert 1 <= sum(kept) <= 128
    assert not any(kept[:400])
    assert 1 <= len(told(registry, "new connections have to wait")) <= WORKERS
    assert "Traceback" not in "".join(registry.said)


def test_uploads_beyond_the_descriptors_wait_for_the_others(tmp_path: Path) -> None:
    half = bytes(50_000)
    head = f"POST /v2/team/app/blobs/uploads/?digest={Digest.of(half * 2)} HTTP/1.1\r\nHost: registry\r\n"
    head += f"Content-Length: {len(half * 2)}\r\nConnection: close\r\n\r\n"
    with (
        running(tmp_path / "data", f"server.workers={WORKERS}", *UNHURRIED, first=at_most(256)) as registry,
        connections(registry, 200) as uploading,
    ):
        for connection in uploading:
            connection.sendall(head.encode() + half)
        for connection in uploading:
            connection.sendall(half)
        answers = Counter(answer_on(connection).status for connection in uploading)

    assert answers == {201: len(uploading)}
    assert "Traceback" not in "".join(registry.said)


def test_a_process_without_descriptors_says_so_once_and_serves_again_when_it_has_some(tmp_path: Path) -> None:
    blob = f"GET /v2/team/app/blobs/{Digest.of(LAYER)} HTTP/1.1\r\nHost: registry\r\n\r\n".encode()
    with running(tmp_path / "data", "server.workers=1", first=ONE_FOR_EACH_CAUSE) as registry:
        repository = Repository(registry)
        repository.push_image(LAYER, "1")
        [worker] = registry.workers()
        with connections(registry, 1) as [known]:
            known.sendall(REQUEST)
            assert answer_on(known).status == 200
            before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (0, before[1]))
            with connections(registry, 20) as waiting:
                for connection in waiting:
                    connection.sendall(REQUEST)
                refused = []
                for _ in range(20):
                    known.sendall(blob)
                    refused.append(answer_on(known))
                    known.sendall(REQUEST)
                    assert answer_on(known).status == 200
                registry.await_event("new connections have to wait")
                resource.prlimit(worker, resource.RLIMIT_NOFILE, before)

                assert {answer_on(connection).status for connection in waiting} == {200}
                repository.assert_pullable(LAYER, "1")

        assert registry.workers() == [worker]

    assert {(answer.status, answer.headers["Retry-After"]) for answer in refused} == {(503, "5")}
    [line] = told(registry, "a request could not be served")
    assert "Too many open files" in line
    assert len(told(registry, "new connections have to wait")) == 1
    assert "Traceback" not in "".join(registry.said)


def allow(descriptors: int) -> None:
    """Let processes that this one starts open as many; root may raise what is allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard >= descriptors:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, descriptors))
    except (PermissionError, ValueError):
        pytest.skip(f"processes may open only {hard} descriptors here, and this needs {descriptors}")


def at_most(descriptors: int) -> str:
    """What a process runs that may open no more descriptors than that."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({descriptors}, {descriptors}));"


def told(registry: Registry, event: str) -> list[str]:
    """The lines of the log about an event."""
    return [line for line in registry.said if f'"event":"{event}"' in line]
