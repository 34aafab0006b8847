"""The parent of all workers: starts them, replaces those that die, and stops them in order.

It serves nothing itself. It waits for signals and for what its workers say, in one loop without threads, so that it
can fork at any time.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from registry.app import processes
from registry.app.dialogue import Word
from registry.app.plan import Plan
from registry.app.processes import Process
from registry.app.refusals import WorkerFailed
from registry.app.reloading import Reloading
from registry.observability.logging import logger

_log = logger(__name__)

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
# A worker that lived less than this is followed by the next one after a pause, twice as long each time.
_SOON_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 10.0
# What a worker gets beyond its grace period before it is killed: closing the database and the store takes a moment.
_MARGIN_S: Final = 5.0
_FORCED: Final = 128 + signal.SIGINT


class Supervisor:
    """Keeps one worker running in each slot, until SIGTERM, SIGINT, or the end of the terminal that it runs on."""

    def __init__(self, plan: Plan, reloading: Reloading, *, started: Callable[[], None]) -> None:
        """Run the workers of `plan`, and reload at SIGHUP; `started` is called once all of them serve."""
        self._plan, self._reloading, self._started = plan, reloading, started
        # nohup has SIGHUP ignored.
        self._ends_with_terminal = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN and _has_terminal()
        self._running: dict[int, Process] = {}
        self._due = dict.fromkeys(range(plan.workers), 0.0)
        self._pauses = dict.fromkeys(range(plan.workers), 0.0)
        self._all_started = False
        self._kill_at: float | None = None
        self._code = 0
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Run until every worker has ended; the exit code: 0 if all went in order.

        Raises:
            WorkerFailed: a worker could not begin to serve when the registry was started.
        """
        with _signals_as_bytes() as wakeup:
            self._selector.register(wakeup, selectors.EVENT_READ)
            try:
                while self._kill_at is None or self._running:
                    self._start_due()
                    for key, _ in self._selector.select(self._patience()):
                        if key.data is None:
                            for number in wakeup.recv(64):
                                self._heed(signal.Signals(number))
                        else:
                            self._hear(key.data)
                    self._reap()
                    self._keep_to_configuration()
                    self._kill_late()
            finally:
                self._kill_all()
                self._selector.close()
        return self._code

    def _start_due(self) -> None:
        if self._kill_at is not None:
            return
        now = time.monotonic()
        for slot in [slot for slot, due in self._due.items() if due <= now]:
            del self._due[slot]
            self._plan.metrics.worker_starts.inc()
            self._running[slot] = process = processes.start(slot, partial(self._plan.run_worker, slot))
            self._selector.register(process.dialogue, selectors.EVENT_READ, process)

    def _patience(self) -> float | None:
        """How long there is nothing to do unless something happens, in seconds."""
        moments = [self._kill_at] if self._kill_at is not None else [*self._due.values(), self._reloading.due]
        known = [moment for moment in moments if moment is not None]
        return max(0.0, min(known) - time.monotonic()) if known else None

    def _heed(self, number: signal.Signals) -> None:
        if number == signal.SIGCHLD:
            return
        if number == signal.SIGHUP and not self._has_lost_terminal():
            if self._kill_at is None:
                self._reloading.begin(self._running.values())
        elif self._kill_at is None:
            _log.info("stopping", signal=number.name)
            self._stop()
        elif number == signal.SIGINT:
            _log.warning("stopping at once")
            self._code = _FORCED
            self._kill_at = 0.0

    def _stop(self) -> None:
        server = self._plan.config.server
        self._kill_at = time.monotonic() + server.drain_delay_s + server.grace_period_s + _MARGIN_S
        self._plan.close()
        for process in self._running.values():
            process.signal(signal.SIGTERM)

    def _hear(self, process: Process) -> None:
        said = process.dialogue.hear()
        match said.word:
            case Word.READY:
                process.is_ready = True
                self._announce()
            case Word.TAKEN:
                self._reloading.taken_by(process, said.reason)
            case Word.UNFIT:
                _log.error("stopping at once", reason=said.reason)
                self._code = 1
                self._kill_at = 0.0
            case Word.FAILED | Word.GONE:
                self._selector.unregister(process.dialogue)
                if not process.is_ready:
                    self._complain(said.reason or "a worker process ended without a word")

    def _announce(self) -> None:
        if self._kill_at is None and not self._all_started and all(one.is_ready for one in self._running.values()):
            self._all_started = True
            self._started()

    def _complain(self, reason: str) -> None:
        if self._kill_at is not None:
            return
        if not self._all_started:
            raise WorkerFailed(reason)
        _log.error("a worker could not begin to serve", reason=reason)

    def _reap(self) -> None:
        for slot, process in list(self._running.items()):
            status = process.ended()
            if status is None:
                continue
            self._forget(process)
            self._reloading.taken_by(process)
            self._plan.metrics.release(slot)
            if self._kill_at is not None:
                # One that was told to stop before it had taken that in hand ends by the signal itself.
                self._code = self._code or int(status not in (0, -signal.SIGTERM))
            else:
                self._replace(process, status)

    def _replace(self, process: Process, status: int) -> None:
        lived_s = time.monotonic() - process.began
        pause = min(max(2 * self._pauses[process.slot], _FIRST_PAUSE_S), _LONGEST_PAUSE_S) if lived_s < _SOON_S else 0.0
        self._pauses[process.slot] = pause
        self._due[process.slot] = time.monotonic() + pause
        _log.error("a worker died", pid=process.pid, status=status, lived_s=round(lived_s, 1), next_in_s=pause)

    def _forget(self, process: Process) -> None:
        del self._running[process.slot]
        if process.dialogue in self._selector.get_map():
            self._selector.unregister(process.dialogue)
        process.close()

    def _keep_to_configuration(self) -> None:
        if self._kill_at is None:
            self._reloading.settle(self._running.values())
            self._reloading.look(self._running.values())

    def _has_lost_terminal(self) -> bool:
        return self._ends_with_terminal and not _has_terminal()

    def _kill_late(self) -> None:
        if self._kill_at is not None and self._kill_at <= time.monotonic() and self._running:
            self._code = self._code or 1
            self._kill_all()

    def _kill_all(self) -> None:
        for process in list(self._running.values()):
            process.signal(signal.SIGKILL)
            os.waitpid(process.pid, 0)
            self._forget(process)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def _signals_as_bytes() -> Iterator[socket.socket]:
    """A socket that gives a byte, the number, for each signal that comes while the block runs."""
    receiver, sender = socket.socketpair()
    receiver.setblocking(False)
    sender.setblocking(False)
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    wakeup_before = signal.set_wakeup_fd(sender.fileno())
    # It may have been held back until now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        yield receiver
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        receiver.close()
        sender.close()
