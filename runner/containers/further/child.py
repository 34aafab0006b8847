"""The runtime's process that executes a further program, or that program's where it has a terminal."""

from __future__ import annotations

import os

from runner.oci.kernel import tasks
from runner.plain_signal import signal
from runner.suppression import Suppressed

_ENDED_BY_SIGNAL = 128


class Child:
    """The runtime's process, in a group of its own: what a terminal sends to this one's reaches it once."""

    def __init__(self, program: str, words: list[str], container: str, *, has_input: bool, detached: bool) -> None:
        """Not begun yet.

        Args:
            program: the runtime's.
            words: its command line, up to the container's ID.
            container: that ID.
            has_input: whether the program gets this process's standard input.
            detached: whether the runtime lets the program go.
        """
        self._program = program
        self._words = words
        self._container = container
        self._has_input = has_input
        self._detached = detached
        self._pid = 0
        self._status: int | None = None
        self.ended = -1
        """A descriptor that tells its end (pidfd_open(2))."""

    def begin(self, console: str | None = None) -> None:
        """Begin it, with this process's streams as far as the program gets them, or a terminal's socket."""
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        closed = [] if self._has_input and console is None else [0]
        closed += [1] if self._detached or console is not None else []
        flags = ["--detach"] if self._detached or console is not None else []
        if console is not None:
            # Runc takes a terminal's socket only of who has it let the program go, which is this one's child then.
            tasks.adopt_orphans()
            flags += ["--console-socket", console, "--pid-file", f"{console}.pid"]
        self._pid = os.posix_spawnp(
            self._program,
            [*self._words, *flags, self._container],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, nothing, standard) for standard in closed],
            setpgroup=0,
        )
        os.close(nothing)
        self.ended = os.pidfd_open(self._pid)
        if console is not None:
            self._go_on_with(f"{console}.pid")

    def send(self, number: int) -> None:
        """Send it a signal, which it passes on to the program."""
        with Suppressed(ProcessLookupError):
            signal.pidfd_send_signal(self.ended, number)

    def wait(self) -> int:
        """Its exit status, as shells tell it."""
        if self._status is None:
            _, status = os.waitpid(self._pid, 0)
            code = os.waitstatus_to_exitcode(status)
            self._status = code if code >= 0 else _ENDED_BY_SIGNAL - code
        return self._status

    def _go_on_with(self, pid_file: str) -> None:
        """Wait for the runtime's end, and go on with the program that it has let go, unless nobody waits for that."""
        if self.wait() or self._detached:
            with Suppressed(FileNotFoundError):
                os.unlink(pid_file)
            return
        with open(pid_file, encoding="utf-8") as file:
            self._pid, self._status = int(file.read()), None
        os.unlink(pid_file)
        os.close(self.ended)
        self.ended = os.pidfd_open(self._pid)
