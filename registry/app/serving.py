"""`registry serve`: everything that must hold before the first request, then the workers.

What only a serving process needs is imported when it serves: other commands import this package too.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Callable

from registry.config import Config, Resolved
from registry.config.values import SocketAddress


def serve(resolved: Resolved, announce: Callable[[SocketAddress], None], reveal: Callable[[str], None]) -> int:
    """Run the registry until it is told to stop; the process's exit code. A refusal is one line on standard error.

    `announce` is told once where the registry listens, when all its workers do; `reveal`, right after it was made up,
    the password of the first administrator.

    SIGTERM and SIGINT end it in order: workers stop being ready, wait `drain_delay_s`, accept nothing more, and get
    `grace_period_s` for what is in flight. A second SIGINT ends it at once. SIGHUP reloads the configuration.
    """
    # What a start makes is there to stay: to look through it for garbage takes a sixth of its time.
    gc.disable()
    from registry.app.refusals import StartRefused
    from registry.observability.logging import configure
    from registry.observability.masking import masked_text

    # Until the supervisor can heed it, it waits: what it would reload may have been read already.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    configure(resolved.config.log.level, resolved.config.log.format)
    try:
        return _serve(resolved, announce, reveal)
    except StartRefused as refusal:
        sys.stderr.write(f"registry: {masked_text(str(refusal))}\n")
        return 1


def _serve(resolved: Resolved, announce: Callable[[SocketAddress], None], reveal: Callable[[str], None]) -> int:
    import registry_client.lean_aiohttp  # noqa: F401 -- before the first that imports aiohttp
    from registry.app.listening import bind
    from registry.app.migration import migrate
    from registry.app.pairing import require_pair
    from registry.app.plan import Plan
    from registry.app.reloading import Reloading
    from registry.app.single_host import SingleHost
    from registry.app.stores import preload
    from registry.app.supervisor import Supervisor
    from registry.app.tls import tls_context

    config = resolved.config
    tls = tls_context(config.tls)
    _check_logins(config)
    # Before anything is made or changed, so that a second registry by mistake does no harm.
    sockets = bind(config.server.listen, config.server.workers or len(os.sched_getaffinity(0)))
    metrics_sockets = bind(config.metrics.listen, 1)[0] if config.metrics.listen is not None else ()
    host = SingleHost.of(config)
    host.require_free()
    _check_sharing(config)
    if config.database.migrate_at_start:
        migrate(config)
    require_pair(config)
    if config.auth.mode == "token":
        _make_administrator(config, reveal)
    _raise_descriptor_limit()
    preload(config.storage)
    plan = Plan(config, sockets, metrics_sockets, tls, host=host)
    supervisor = Supervisor(plan, Reloading(plan, resolved.again), started=lambda: announce(plan.address))
    # Later, too: it would copy the pages that workers share. What little garbage there is (half a megabyte) stays, for
    # to find it takes a tenth of a start.
    gc.freeze()
    gc.enable()
    try:
        return supervisor.run()
    finally:
        host.release()


def _check_sharing(config: Config) -> None:
    if config.storage.backend != "filesystem" or not config.storage.filesystem.shared:
        return
    from registry.app.refusals import NotShared
    from storage_backends.filesystem.sharing import NotShareable, require_shareable

    root = config.storage.filesystem.root
    try:
        root.mkdir(parents=True, exist_ok=True)
        require_shareable(root)
    except (NotShareable, OSError) as error:
        raise NotShared(str(error)) from error


def _check_logins(config: Config) -> None:
    if config.auth.mode == "token":
        from registry.app.login_sources import check_sources

        check_sources(config.auth)
    elif config.auth.mode == "external":
        from registry.app.external_authentication import check_keys

        check_keys(config.auth.external)


def _make_administrator(config: Config, reveal: Callable[[str], None]) -> None:
    from registry.app.administrator import make_administrator

    password = make_administrator(config)
    if password is not None:
        reveal(password)


def _raise_descriptor_limit() -> None:
    """Allow as many connections and open blobs as the system does; the usual soft limit is for `select`."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
