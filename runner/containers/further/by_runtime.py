"""A further program that the container's OCI runtime executes, as a child process of this one.

The runner's own is executed from a file that the container cannot write to. It enters the container, and ends as the
program does.
"""

from __future__ import annotations

import os
import sys

from runner.bundles import facts
from runner.bundles.errors import BundleError
from runner.containers import failures, liveness, records, runtime_commands
from runner.containers.errors import ContainerNotRunning
from runner.containers.further.child import Child
from runner.containers.further.following import follow
from runner.containers.further.processes import describe
from runner.json_text import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.containers.folders import Folders, Place
    from runner.containers.further.request import Request


def execute(folders: Folders, place: Place, request: Request, warn: Callable[[str], None]) -> int:
    """What `executing.by_monitor` does, by the container's runtime.

    Raises:
        ContainerNotRunning: the container does not run.
        RunnerError, OSError: nothing was begun.
    """
    container, running = records.read(place), records.running(place)
    if running is None or liveness.monitor_of(place) is None:
        raise ContainerNotRunning(container.name)
    program, detached = request.program, request.detached
    try:
        document = encode(describe(container, running, request, host=facts.look(), warn=warn))
    except BundleError as error:
        sys.stderr.write(f"Error: {error}\n")
        return failures.CANNOT_EXECUTE
    with _Files(document) as files:
        runtime, words = runtime_commands.command(folders, container.settings.runtime)
        words += ["--log", files.log, "--log-format", "json", "exec", "--process", files.process]
        has_input = program.stdin_open and not detached
        child = Child(runtime, words, container.id, has_input=has_input, detached=detached)
        return files.status_of(follow(child, place, program, detached=detached))


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
        return failures.of_further(reason) if reason else status
