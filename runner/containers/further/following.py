"""Staying with a further program until it ends, whoever executes it."""

from __future__ import annotations

from runner.containers.wakeup import Wakeup
from runner.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from runner.bundles.program import Program
    from runner.containers.folders import Place

    class Doer(Protocol):
        """Whoever executes it: a runtime's process, or one of the container's monitor."""

        ended: int

        def begin(self, console: str | None = None) -> None:
            """Begin, with this process's streams, or with a terminal, for whose master somebody listens at a path."""

        def send(self, number: int) -> None:
            """Send the program a signal."""

        def wait(self) -> int:
            """Its exit status."""


_FIRST_REALTIME = 32
_NOT_PASSED_ON = {signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGURG, signal.SIGWINCH}


def follow(doer: Doer, place: Place, program: Program, *, detached: bool) -> int:
    """Have it executed; its exit status, or 0 as soon as it is executed if it is let go.

    Raises:
        RunnerError, OSError: nothing was begun.
    """
    if program.terminal:
        # Only here: a program without one does not need what carries it.
        from runner.containers.further import carrier

        if detached:
            return carrier.leave(doer, place)
        return carrier.carry(doer, place, passed=_passed(), has_input=program.stdin_open)
    if detached:
        doer.begin()
        return doer.wait()
    return _with_streams(doer, _passed())


def _passed() -> set[int]:
    return {number for number in range(1, _FIRST_REALTIME) if number not in _NOT_PASSED_ON}


def _with_streams(doer: Doer, passed: set[int]) -> int:
    """The program has this process's streams; signals are passed on to it."""
    wakeup = Wakeup(passed)
    doer.begin()
    # Only now: it takes a while to be loaded.
    import select

    poll = select.poll()
    poll.register(doer.ended, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    while doer.ended not in {descriptor for descriptor, _ in poll.poll()}:
        for number in wakeup.read():
            doer.send(number)
    return doer.wait()
