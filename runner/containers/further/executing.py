"""Executing a further program in a container that runs.

The container's monitor forks a process that does it: that has all loaded already, and executes a file which the
container cannot write to. Where no monitor answers, the container's OCI runtime is executed for it (`by_runtime`), as
it is where that is another one. This process stays outside, and has what the user sees: streams, or the terminal's
master.
"""

from __future__ import annotations

from runner.containers import reaching

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.bundles.program import Program
    from runner.containers.folders import Folders, Place


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
    # Another OCI runtime executes programs by itself, and so does the runner's own where no monitor answers.
    end = reaching.connect(place, reaching.EXEC)
    # Only now: the monitor forks meanwhile, and what it forks looks around.
    from runner.containers.further.request import Request

    rows, columns = _terminal_size() if program.terminal else (None, None)
    request = Request(program, detached, rows=rows, columns=columns)
    if end is None:
        from runner.containers.further import by_runtime

        return by_runtime.execute(folders, place, request, warn)
    from runner.containers.further.asking import Asked
    from runner.containers.further.following import follow

    return follow(Asked(end, place, request, warn), place, program, detached=detached)


def _terminal_size() -> tuple[int, int] | tuple[None, None]:
    from runner.containers.attaching import terminal_size

    return terminal_size() or (None, None)
