"""A worker process: one event loop that serves its sockets until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from typing import Final

from registry import limits
from registry.app.assembly import open_services
from registry.app.tls import CertificateRenewal
from registry.config import Config
from registry.http.application import build_application, build_metrics_application
from registry.http.call import Environment
from registry.http.server import Listener, listening
from registry.jobs import schedule
from registry.observability.access_log import AccessLog
from registry.observability.metrics import Metrics

_STANDARD_OUTPUT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What one worker is given by the supervisor; `metrics_sockets` only one of all workers has."""

    config: Config
    metrics: Metrics
    sockets: Sequence[socket.socket]
    metrics_sockets: Sequence[socket.socket]
    tls: ssl.SSLContext | None


def run(worker: Worker, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM, then finish what is in flight; `ready` is called once everything is open and listens.

    Raises:
        Exception: a part cannot be opened, or a defect ended the periodic jobs.
    """
    asyncio.run(_serve(worker, ready))


async def _serve(worker: Worker, ready: Callable[[], None]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = worker.config.server
    async with _environment(worker) as (environment, access_log), AsyncExitStack() as stack:
        listeners = await _listen(worker, environment, access_log, stack)
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(schedule.run(environment.services), name="jobs")]
            if worker.tls is not None:
                renewal = CertificateRenewal(worker.config.tls, worker.tls)
                background.append(tasks.create_task(renewal.run(), name="certificate"))
            ready()
            await stop.wait()
            environment.lifecycle.draining = True
            await asyncio.sleep(server.drain_delay_s)
            for listener in listeners:
                await listener.stop(server.grace_period_s)
            for task in background:
                task.cancel()


@asynccontextmanager
async def _environment(worker: Worker) -> AsyncIterator[tuple[Environment, AccessLog]]:
    config, metrics = worker.config, worker.metrics
    with (
        closing(AccessLog(_STANDARD_OUTPUT, config.log.access, metrics.access_log_dropped.inc)) as access_log,
        ThreadPoolExecutor(limits.TRANSFER_THREADS, "transfer") as transfers,
    ):
        async with open_services(config, metrics) as services:
            environment = Environment(services=services, config=config, metrics=metrics, transfers=transfers)
            yield environment, access_log


async def _listen(
    worker: Worker, environment: Environment, access_log: AccessLog, stack: AsyncExitStack
) -> list[Listener]:
    """The registry's own listener, and after it the one of the metrics, so that the last figures can be fetched."""
    bounds = worker.config.limits
    application = build_application(environment, access_log)
    listeners = [await stack.enter_async_context(listening(application, worker.sockets, worker.tls, bounds))]
    if worker.metrics_sockets:
        application = build_metrics_application(environment, access_log)
        listeners.append(await stack.enter_async_context(listening(application, worker.metrics_sockets, None, bounds)))
    return listeners
