"""What is made before the first fork, and what every worker that is started begins with."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from registry.app import listening, worker
from registry.app.dialogue import WorkerEnd
from registry.app.single_host import SingleHost
from registry.app.tls import ServerContext
from registry.config import Config
from registry.config.values import SocketAddress
from registry.http.application import HANDLERS
from registry.metadata.node_rows import Node
from registry.observability.metrics import Metrics
from registry.version import version

_NAME_BYTES: Final = 8


class Plan:
    """The sockets of each worker, the metrics' own (those of worker 0), the TLS context and the metrics' page.

    `config` is the newest one; replaced at a reload, it is what workers begin with that are started later.
    """

    def __init__(
        self,
        config: Config,
        sockets: Sequence[listening.Sockets],
        metrics_sockets: listening.Sockets,
        tls: ServerContext | None,
        *,
        host: SingleHost,
    ) -> None:
        self.config, self.sockets, self.metrics_sockets, self.tls = config, sockets, metrics_sockets, tls
        self._host = host
        self._name, self._started_at = secrets.token_hex(_NAME_BYTES), datetime.now(UTC)
        self.metrics = Metrics(len(sockets), handlers=HANDLERS)

    @property
    def address(self) -> SocketAddress:
        """Where the registry listens, with the port that the kernel chose where it was asked to."""
        return SocketAddress(self.config.server.listen.host, self.sockets[0][0].getsockname()[1])

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return len(self.sockets)

    def run_worker(self, slot: int, supervisor: WorkerEnd) -> None:
        """Serve as worker `slot`, in the process made for it, until SIGTERM; `supervisor` hears once it serves."""
        self.metrics.attach(slot)
        own = (*self.sockets[slot], *(self.metrics_sockets if slot == 0 else ()))
        for listener in self._all_sockets():
            if listener not in own:
                listener.close()
        worker.run(
            worker.Worker(
                config=self.config,
                metrics=self.metrics,
                sockets=self.sockets[slot],
                metrics_sockets=self.metrics_sockets if slot == 0 else (),
                tls=self.tls,
                host=self._host if slot == 0 else None,
                node=self._node() if slot == 0 else None,
            ),
            supervisor,
        )

    def close(self) -> None:
        """Give up this process's hold on the addresses; to be repeated at will."""
        for listener in self._all_sockets():
            listener.close()

    def _node(self) -> Node:
        url = self.config.server.advertise_url
        return Node(
            name=self._name,
            host=socket.gethostname(),
            version=version(),
            url=None if url is None else str(url),
            workers=self.workers,
            started_at=self._started_at,
            seen_at=self._started_at,
        )

    def _all_sockets(self) -> list[socket.socket]:
        return [listener for sockets in (*self.sockets, self.metrics_sockets) for listener in sockets]
