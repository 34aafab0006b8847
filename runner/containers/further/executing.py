"""Executing a further program in a container that runs.

The container's monitor forks a process that does it: that has all loaded already, and executes a file which the
container cannot write to. Where no monitor answers, the container's OCI runtime is executed for it (`by_runtime`), as
it is where that is another one. This process stays outside, and has what the user sees: streams, or the terminal's
master.
"""

from __future__ import annotations

from runner.containers.further.asking import Asked
from runner.containers.further.following import follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from runner.containers.folders import Place
    from runner.containers.further.request import Request


def by_monitor(
    end: _socket.socket,
    place: Place,
    request: Request,
    *,
    warn: Callable[[str], None],
    meanwhile: Callable[[], None],
) -> int:
    """Execute a program; its exit status, or 0 as soon as it is begun if it is let go. Docker's numbers tell why not.

    Args:
        end: the connection to the container's monitor.
        place: the container's.
        request: what is to be executed.
        warn: told what had to be left out.
        meanwhile: called when it has been asked for, before that is waited for.

    Raises:
        RunnerError, OSError: nothing was begun.
    """
    asked = Asked(end, place, request, warn=warn, meanwhile=meanwhile)
    return follow(asked, place, request.program, detached=request.detached)


def terminal_size() -> tuple[int, int] | tuple[None, None]:
    """Rows and columns of this process's terminal, if it has one."""
    # Only here: a program without one does not need it.
    from runner.containers import attaching

    return attaching.terminal_size() or (None, None)
