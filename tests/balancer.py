"""One registry of two nodes behind HAProxy, which `docker/haproxy.cfg` configures: round-robin, without stickiness."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port
from tests.registry.app.processes import Registry, running
from tests.requirements import require_tool

_CONFIGURATION = Path(__file__).parent.parent / "docker" / "haproxy.cfg"
_START_DEADLINE_S = 90.0
_POLL_S = 0.02


class Node:
    """One node: it can be killed and started again, and keeps its address.

    `first` and `within` are those of `processes.starting`.
    """

    def __init__(
        self,
        data: Path,
        *settings: str,
        address: str | None = None,
        first: str = "",
        within: Sequence[str | Path] = (),
    ) -> None:
        self.address = address or f"127.0.0.1:{free_port()}"
        self._data, self._settings, self._first, self._within = data, settings, first, within
        self._running = ExitStack()
        self._earlier: list[str] = []
        self.registry = self._start()

    @property
    def said(self) -> list[str]:
        """The lines of its log since it was first started."""
        return [*self._earlier, *self.registry.said]

    def kill(self) -> None:
        """End it with all of its processes, as a power cut would."""
        self._running.close()

    def start_again(self) -> None:
        """Begin to serve, as before."""
        self._earlier += self.registry.said
        self.registry = self._start()

    def _start(self) -> Registry:
        return self._running.enter_context(
            running(self._data, *self._settings, listen=self.address, first=self._first, within=self._within)
        )


@dataclass(frozen=True, slots=True)
class Balanced:
    """A registry at `address`, which is the balancer's; its nodes."""

    address: str
    nodes: tuple[Node, Node]


@contextmanager
def balanced_registry(directory: Path, *settings: str, first: str = "") -> Iterator[Balanced]:
    """Two nodes with `key=value` settings that say where database and storage are, behind a balancer."""
    with ExitStack() as stack:
        nodes = Node(directory / "node-1", *settings, first=first), Node(directory / "node-2", *settings, first=first)
        for node in nodes:
            stack.callback(node.kill)
        yield Balanced(stack.enter_context(balancer(directory / "balancer.log", *nodes)), nodes)


@contextmanager
def balancer(log: Path, one: Node, other: Node) -> Iterator[str]:
    """HAProxy before two nodes that serve; where it listens."""
    address = f"127.0.0.1:{free_port()}"
    environment = {**os.environ, "LISTEN": address, "NODE_1": one.address, "NODE_2": other.address}
    command: list[str | Path] = [require_tool("haproxy"), "-db", "-f", _CONFIGURATION]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _wait_until_it_listens(address, process, log)
        yield address
    finally:
        process.kill()
        process.wait()


def _wait_until_it_listens(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + _START_DEADLINE_S
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            socket.create_connection((host, int(port))).close()
        except ConnectionRefusedError:
            time.sleep(_POLL_S)
        else:
            return
