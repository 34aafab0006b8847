"""What stands before the nodes of one registry: it asks who is ready, and sends each request to the next of those."""

from __future__ import annotations

import itertools
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.registry.app.processes import Answer, Registry

_EVERY_S = 0.05


class Balancer:
    """Sends requests to nodes that say that they are ready, each to another one than the one before."""

    def __init__(self) -> None:
        self._nodes: list[Registry] = []
        self._ready: list[Registry] = []
        self._turns = itertools.count()

    def add(self, node: Registry) -> None:
        """Ask a node, too; return once it gets requests."""
        self._nodes.append(node)
        while node not in self._ready:
            time.sleep(_EVERY_S)

    def remove(self, node: Registry) -> None:
        """Ask a node that has ended no more."""
        self._nodes.remove(node)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request, of whichever node is next."""
        ready = self._ready
        return ready[next(self._turns) % len(ready)].ask(method, path, body, tls, headers)

    def look(self) -> None:
        """Find out which nodes are ready."""
        self._ready = [node for node in self._nodes if _is_ready(node)]


@contextmanager
def balancing() -> Iterator[Balancer]:
    """A balancer that looks at its nodes many times a second while the block runs."""
    balancer, ended = Balancer(), threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY_S):
            balancer.look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield balancer
    finally:
        ended.set()
        watcher.join()


def _is_ready(node: Registry) -> bool:
    try:
        return node.ask("GET", "/readyz").status == 200
    except ConnectionError:
        return False
