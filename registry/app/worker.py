"""A worker process: one event loop that serves its sockets until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import Final

from registry import limits
from registry.app.assembly import open_services, settings_of
from registry.app.dialogue import Reload, Word, WorkerEnd
from registry.app.refusals import CertificateUnusable
from registry.app.single_host import SingleHost
from registry.app.tls import ServerContext
from registry.config import Config
from registry.config.changes import with_reloadable_values
from registry.http.application import build_application, build_metrics_application
from registry.http.call import Environment
from registry.http.server import Listener, listening
from registry.jobs import heartbeat, schedule
from registry.metadata.node_rows import Node
from registry.observability import logging
from registry.observability.access_log import AccessLog
from registry.observability.metrics import Metrics

_STANDARD_OUTPUT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What one worker is given by the supervisor; `metrics_sockets`, `host` and `node` only one of all workers has."""

    config: Config
    metrics: Metrics
    sockets: Sequence[socket.socket]
    metrics_sockets: Sequence[socket.socket]
    tls: ServerContext | None
    host: SingleHost | None
    node: Node | None


def run(worker: Worker, supervisor: WorkerEnd) -> None:
    """Serve until SIGTERM, then finish what is in flight; `supervisor` hears once everything is open and listens.

    Raises:
        Exception: a part cannot be opened, or a defect ended the periodic jobs.
    """
    asyncio.run(_serve(worker, supervisor))


async def _serve(worker: Worker, supervisor: WorkerEnd) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with _environment(worker) as (environment, access_log), AsyncExitStack() as stack:
        listeners = await _listen(worker, environment, access_log, stack)
        running = _Running(environment, access_log, listeners, worker.tls)
        if worker.host is not None:
            stack.enter_context(worker.host.kept(lambda used: supervisor.say(Word.UNFIT, str(used))))
        async with asyncio.TaskGroup() as tasks:
            jobs = schedule.run(environment.services, running.settings_changed)
            background = [
                tasks.create_task(jobs, name="jobs"),
                tasks.create_task(_follow(supervisor, running), name="reloads"),
            ]
            if worker.node is not None:
                beating = heartbeat.run(environment.services, worker.node)
                background.append(tasks.create_task(beating, name="heartbeat"))
            supervisor.say(Word.READY)
            await stop.wait()
            environment.lifecycle.draining = True
            server = environment.config.server
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
            async with AsyncExitStack() as stack:
                if config.auth.mode == "token":
                    await _authenticate(environment, stack)
                elif config.auth.mode == "external":
                    await _authenticate_elsewhere(environment, stack)
                yield environment, access_log


async def _authenticate(environment: Environment, stack: AsyncExitStack) -> None:
    """Ask every request who sends it."""
    # Imported here: where nobody is asked, hashes and signatures need not be loaded.
    from registry.app.authentication import open_authentication

    opened = open_authentication(lambda: environment.config, environment.services)
    environment.authentication, environment.token_server = await stack.enter_async_context(opened)


async def _authenticate_elsewhere(environment: Environment, stack: AsyncExitStack) -> None:
    """Ask every request for a token of another token server."""
    from registry.app.external_authentication import open_external_authentication

    opened = open_external_authentication(environment.config, environment.services)
    environment.authentication = await stack.enter_async_context(opened)


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


@dataclass(frozen=True, slots=True)
class _Running:
    """The parts of a serving worker that a reload is about."""

    environment: Environment
    access_log: AccessLog
    listeners: Sequence[Listener]
    tls: ServerContext | None
    settings_changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, reload: Reload) -> str:
        """Go on with other values; requests in flight are not disturbed, and see the new ones from here on.

        Why the certificate cannot be used, if it cannot: the old one then stays.
        """
        config = with_reloadable_values(self.environment.config, reload.values)
        reason = await self._load_certificate(config) if reload.certificate else ""
        # Without a pause from here on, so that no request sees some of it only.
        self.environment.config = config
        self.environment.services.settings = settings_of(config)
        self.settings_changed.set()
        self.access_log.use(config.log.access)
        for listener in self.listeners:
            listener.use(config.limits)
        logging.configure(config.log.level, config.log.format)
        return reason

    async def _load_certificate(self, config: Config) -> str:
        if self.tls is not None:
            try:
                await asyncio.to_thread(self.tls.load, config.tls)
            except CertificateUnusable as error:
                return error.reason
        return ""


async def _follow(supervisor: WorkerEnd, running: _Running) -> None:
    """Take every reload that the supervisor tells of, until cancelled."""
    while True:
        reason = await running.take(await supervisor.next_reload())
        supervisor.say(Word.TAKEN, reason)
