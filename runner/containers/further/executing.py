"""Executing a further program in a container that runs, by the container's OCI runtime.

The runtime is a child process that executes a file which the container cannot write to; it enters the container, and
ends as the program does. This process stays outside, and has what the user sees: streams, or the terminal's master.
"""

from __future__ import annotations

import os
import select

from runner.bundles import facts
from runner.bundles.process import further_process, hostname_of
from runner.containers import failures, liveness, records, runtime_commands
from runner.containers.errors import ContainerNotRunning
from runner.containers.further.child import Child
from runner.containers.wakeup import Wakeup
from runner.json_text import encode
from runner.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.bundles.program import Program
    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container, Running

_FIRST_REALTIME = 32
_NOT_PASSED_ON = {signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGURG, signal.SIGWINCH}


def execute(folders: Folders, place: Place, program: Program, *, detached: bool, warn: Callable[[str], None]) -> int:
    """Execute a program; its exit status, or 0 as soon as it is begun if it is let go. Docker's numbers tell why not.

    Args:
        folders: where containers are.
        place: the container's.
        program: what is to be executed.
        detached: whether nobody waits for it.
        warn: told what had to be left out.

    Raises:
        ContainerNotRunning: the container does not run.
        RunnerError, OSError: nothing was begun.
    """
    container, running = records.read(place), records.running(place)
    if running is None or liveness.monitor_of(place) is None:
        raise ContainerNotRunning(container.name)
    with _Files(_document(container, running, program, warn)) as files:
        runtime, words = runtime_commands.command(folders, container.settings.runtime)
        words += ["--log", files.log, "--log-format", "json", "exec", "--process", files.process]
        child = Child(runtime, words, container.id, has_input=program.stdin_open and not detached)
        if detached:
            child.begin("--detach")
            status = child.wait()
        elif program.terminal:
            # Only here: a program without one does not need what carries it.
            from runner.containers.further import carrier

            status = carrier.carry(child, place, passed=_passed_on(), has_input=program.stdin_open)
        else:
            status = _with_streams(child)
        return files.status_of(status)


def _document(container: Container, running: Running, program: Program, warn: Callable[[str], None]) -> str:
    """The program as the runtime reads it, looked up in the container's root as it is now."""
    host = facts.look()
    name = hostname_of(container.settings, container.id, host)
    root = os.open(f"/proc/{running.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        document, warnings = further_process(container.settings, program, root, facts=host, hostname=name)
    finally:
        os.close(root)
    for warning in warnings:
        warn(warning)
    if program.terminal:
        from runner.containers.attaching import terminal_size

        size = terminal_size()
        if size is not None:
            document["consoleSize"] = {"height": size[0], "width": size[1]}
    return encode(document)


class _Files:
    """What the runtime reads and writes besides: files without a name, which nobody has to remove."""

    def __init__(self, document: str) -> None:
        self._process, self._log = (os.memfd_create(name, 0) for name in ("process", "log"))
        os.write(self._process, document.encode("utf-8", "surrogateescape"))
        self.process = f"/proc/self/fd/{self._process}"
        self.log = f"/proc/self/fd/{self._log}"

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._process)
        os.close(self._log)

    def status_of(self, status: int) -> int:
        """The exit status, or docker's number for why the runtime did not begin the program."""
        reason = runtime_commands.last_error(self.log)
        return failures.status_of(f"exec: {reason}") if reason else status


def _passed_on() -> set[int]:
    return {number for number in range(1, _FIRST_REALTIME) if number not in _NOT_PASSED_ON}


def _with_streams(child: Child) -> int:
    """The program has this process's streams; signals are passed on to it."""
    wakeup = Wakeup(_passed_on())
    child.begin()
    poll = select.poll()
    poll.register(child.ended, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    while child.ended not in {descriptor for descriptor, _ in poll.poll()}:
        for number in wakeup.read():
            child.send(number)
    return child.wait()
