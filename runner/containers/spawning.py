"""Beginning a container's monitor: the first thing that is done of all that starts a container, so it loads little."""

from __future__ import annotations

import _socket
import os
import posix

from runner.errors import RunnerError
from runner.oci import protection
from runner.suppression import Suppressed

_CONTROL = 3
_LAUNCHER = f"{os.path.dirname(__file__)}/monitor/launch.py"


class Monitor:
    """A monitor that this process has begun, and the first client's end of what they say to each other."""

    __slots__ = ("_pid", "end")

    def __init__(self) -> None:
        """Begin one, in a session of its own. It loads what it needs while other things are done here."""
        self.end, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        interpreter = protection.open_interpreter()
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, nothing, standard) for standard in range(3)]
        actions.append((os.POSIX_SPAWN_DUP2, theirs.fileno(), _CONTROL))
        try:
            self._pid = os.posix_spawn(
                f"/proc/self/fd/{interpreter}",
                protection.command(_LAUNCHER),
                posix.environ,
                file_actions=actions,
                setsid=True,
            )
        finally:
            os.close(nothing)
            os.close(interpreter)
            theirs.close()

    def receive(self) -> bytes:
        """Its next message; empty where it has ended.

        The container's first process may have its end of the socket until it is started, so that does not tell.
        """
        # Only here, as above.
        import select

        from runner.containers import protocol

        poll = select.poll()
        ended = os.pidfd_open(self._pid)
        poll.register(self.end, select.POLLIN)
        poll.register(ended, select.POLLIN)
        try:
            happened = dict(poll.poll())
        finally:
            os.close(ended)
        return protocol.receive(self.end) if self.end.fileno() in happened else b""

    def dismiss(self) -> None:
        """Let it end if there is nothing for it to start, and see that. It may be repeated."""
        self.end.close()
        if self._pid:
            os.waitpid(self._pid, 0)
            self._pid = 0


_ahead: list[Monitor] = []


def begin_ahead() -> None:
    """Begin one for who `take`s it when it is known what is to be started; where none can be, who takes it is told."""
    with Suppressed(RunnerError, OSError):
        _ahead.append(Monitor())


def take() -> Monitor:
    """The one that was begun ahead, or another one.

    Raises:
        RunnerError, OSError: none can be begun.
    """
    return _ahead.pop() if _ahead else Monitor()


def dismiss_ahead() -> None:
    """Let the one that was begun ahead end if nobody has taken it."""
    while _ahead:
        _ahead.pop().dismiss()
