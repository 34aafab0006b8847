"""Reloading the configuration and the certificate, as the supervisor does it: read, checked, handed to every worker.

What is told of a reload is told once every worker has taken it, so that it holds for all requests from then on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from registry.app.dialogue import Reload
from registry.app.plan import Plan
from registry.app.processes import Process
from registry.app.refusals import CertificateUnusable
from registry.config import Config, ConfigInvalid
from registry.config.changes import Changes, changes, reloadable_values
from registry.observability import logging

_log = logging.logger(__name__)

# Certificates are renewed days before they end.
_LOOK_S: Final = 60.0


@dataclass(slots=True)
class _Reload:
    """A reload under way: what ran before, what is new, and which workers (process ids) have not taken it yet."""

    before: Config
    changes: Changes | None
    certificate: bool
    missing: set[int]


class Reloading:
    """Keeps a plan, and the workers that run by it, to what the configuration's sources and the certificate say.

    There is one reload at a time; one that is asked for meanwhile follows, and reads what is there by then.
    """

    def __init__(self, plan: Plan, read: Callable[[], Config], *, look_s: float = _LOOK_S) -> None:
        """`read` gives the configuration as its sources are now, and raises ConfigInvalid.

        The certificate's files are looked at every `look_s` seconds.
        """
        self._plan, self._read, self._look_s = plan, read, look_s
        self._under_way: _Reload | None = None
        self._asked_again = False
        self._is_certificate_missed = False
        self._look_at = time.monotonic() + look_s

    @property
    def due(self) -> float | None:
        """When to `look` next, by the monotonic clock; None where there is nothing to look at."""
        return self._look_at if self._plan.tls is not None else None

    def begin(self, workers: Collection[Process]) -> None:
        """Read the configuration again, and hand it to the workers."""
        if self._under_way is not None:
            self._asked_again = True
            _log.info("the next reload waits for this one", workers=sorted(self._under_way.missing))
            return
        try:
            found = changes(self._plan.config, self._read())
        except (ConfigInvalid, OSError) as error:
            _log.error("the configuration cannot be used; the old one stays", reason="; ".join(str(error).splitlines()))
            return
        self._hand_on(found.config, found, workers)

    def look(self, workers: Collection[Process]) -> None:
        """Hand the certificate to the workers if it is time to look and its files have changed."""
        if self.due is None or self.due > time.monotonic():
            return
        self._look_at = time.monotonic() + self._look_s
        if self._under_way is None and self._has_new_certificate(self._plan.config):
            self._hand_on(self._plan.config, None, workers)

    def taken_by(self, worker: Process, reason: str = "") -> None:
        """A worker has taken the reload under way, or has ended: its successor begins with what is new.

        With a `reason`, it has not taken the certificate: all of them are told of it again at the next look.
        """
        if self._under_way is None:
            return
        self._under_way.missing.discard(worker.pid)
        if reason:
            _log.error("a worker cannot use the new certificate; it is tried again", pid=worker.pid, reason=reason)
            self._is_certificate_missed, self._under_way.certificate = True, False

    def settle(self, workers: Collection[Process]) -> None:
        """Tell of the reload that every worker has taken, and begin the one that was asked for meanwhile."""
        if self._under_way is None or self._under_way.missing:
            return
        done, self._under_way = self._under_way, None
        _tell(done, self._plan.config)
        if self._asked_again:
            self._asked_again = False
            self.begin(workers)

    def _hand_on(self, config: Config, found: Changes | None, workers: Collection[Process]) -> None:
        certificate = self._has_new_certificate(config)
        try:
            if certificate and self._plan.tls is not None:
                self._plan.tls.load(config.tls)
        except CertificateUnusable as error:
            _log.error("the new certificate cannot be used; everything stays as it was", reason=error.reason)
            return
        self._is_certificate_missed = False
        reload = Reload(values=reloadable_values(config), certificate=certificate)
        for worker in workers:
            worker.dialogue.tell(reload)
        self._under_way = _Reload(self._plan.config, found, certificate, {worker.pid for worker in workers})
        # Workers that are started from now on begin with it.
        self._plan.config = config

    def _has_new_certificate(self, config: Config) -> bool:
        if self._plan.tls is None:
            return False
        return self._is_certificate_missed or not self._plan.tls.is_up_to_date(config.tls)


def _tell(done: _Reload, config: Config) -> None:
    """Log what is new, by the old level and by the new one: it is about both."""
    level = logging.more_talkative(done.before.log.level, config.log.level)
    logging.configure(level, config.log.format)
    if done.changes is not None:
        _log.info("configuration reloaded", keys=done.changes.taken)
        if done.changes.waiting:
            _log.warning("a restart is needed for what else has changed", keys=done.changes.waiting)
    if done.certificate:
        _log.info("the certificate was renewed")
    logging.configure(config.log.level, config.log.format)
