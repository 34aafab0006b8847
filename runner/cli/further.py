"""What is left of `runner exec` once the container's monitor has been reached, or could not be."""

from __future__ import annotations

from runner.cli.creation.program_reading import read_program
from runner.containers import finding
from runner.containers.further import executing
from runner.containers.further.request import Request
from runner.errors import RunnerError
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

    from runner.cli.parsing import Arguments
    from runner.containers.folders import Folders, Place


def execute(arguments: Arguments, found: Folders, reached: tuple[Place, _socket.socket] | None) -> int:
    """Execute a program; its exit status, or 0 where it is not waited for.

    Args:
        arguments: what it is.
        found: where containers are.
        reached: the one that is meant, and the connection to its monitor; None where there is no such connection.
    """
    program, detached = read_program(arguments), arguments.flag("detach")
    if program.terminal:
        # Only here: it loads what a program without one does not need.
        from runner.cli.foreground import check_terminal

        check_terminal(program.terminal, has_input=program.stdin_open and not detached)
    rows, columns = executing.terminal_size() if program.terminal else (None, None)
    request = Request(program, detached, rows=rows, columns=columns)
    if reached is not None:
        place, end = reached
        return executing.by_monitor(end, place, request, warn=_warn, meanwhile=lambda: _try_to_sweep(found))
    # What is in the way may be what somebody has left behind.
    _sweep(found)
    from runner.containers.further import by_runtime

    return by_runtime.execute(found, finding.find(found, arguments.words[0]), request, _warn)


def _try_to_sweep(found: Folders) -> None:
    # Whatever it is, the program is as good as begun; the next command meets it again.
    with Suppressed(RunnerError, OSError):
        _sweep(found)


def _sweep(found: Folders) -> None:
    # Only now: whoever has reached a monitor has something else to do first.
    from runner.containers import sweeping

    sweeping.sweep(found)


def _warn(text: str) -> None:
    from runner.cli import containers

    containers.warn(text)
