"""Connections to chosen workers of a registry: the kernel spreads them by chance, and /proc tells where each went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Barrier
from typing import TypeVar

from tests.registry.app.processes import Registry

T = TypeVar("T")


@contextmanager
def connections_to_each_worker(registry: Registry, count: int) -> Iterator[list[list[HTTPConnection]]]:
    """`count` connections to each of the registry's workers."""
    workers = registry.workers()
    found: dict[int, list[HTTPConnection]] = {worker: [] for worker in workers}
    with ExitStack() as stack:
        while any(len(connections) < count for connections in found.values()):
            connection = stack.enter_context(closing(registry.connect()))
            connection.connect()
            found[_worker_of(connection, registry.port, workers)].append(connection)
        yield [connections[:count] for connections in found.values()]


def all_at_once(acts: Sequence[Callable[[], T]]) -> list[T]:
    """What these give, each in a thread of its own, begun together."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def _worker_of(connection: HTTPConnection, port: int, workers: Sequence[int]) -> int:
    """The worker that accepted the connection."""
    place = f":{port:04X} ", f":{connection.sock.getsockname()[1]:04X} "
    while True:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, *rest = line.split()
            if f"{local} ".endswith(place[0]) and f"{remote} ".endswith(place[1]):
                target = f"socket:[{rest[6]}]"
                # Until it was accepted, the socket has no owner.
                for worker in workers:
                    if target in _open_files(worker):
                        return worker


def _open_files(process: int) -> set[str]:
    found = set()
    for file in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(file.readlink()))
    return found
