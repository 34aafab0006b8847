"""The OCI runtime behind a container: the runner's own, called in this process, or another one's command.

Both are given the same bundle, and are asked for the same: what the runtime specification calls operations.
"""

from __future__ import annotations

import os

from runner import trees
from runner.containers import runtime_commands
from runner.containers.errors import RuntimeFailed
from runner.oci import creation, lifecycle, processes
from runner.oci.containers import find, forget_unfinished
from runner.oci.errors import ContainerUnknown
from runner.oci.kernel import tasks
from runner.oci.log import Log
from runner.records import Record
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.cgroups.hierarchies import Host
    from runner.containers.folders import Folders, Place


class Bundle(Record):
    """What the runner's own runtime is told of a bundle, so that it need not look."""

    config: str
    """The text of config.json."""
    cgroups: Host
    """The host's hierarchies."""


class Native:
    """The runner's own. Whoever creates a container by it is executed from a file that containers cannot write to."""

    __slots__ = ("_log", "_made", "_place", "_root")

    def __init__(self, folders: Folders, place: Place, warn: Callable[[str], None]) -> None:
        self._root = folders.runtime
        self._place = place
        self._log = Told(warn)
        self._made: creation.Made | None = None

    def create(self, console: str | None, bundle: Bundle, meanwhile: Callable[[], None]) -> int:
        """Make the container, with the standard streams of this process, or a terminal; its first process.

        Args:
            console: the socket that is sent the terminal.
            bundle: as it stands in the container's place.
            meanwhile: called while others are at it.

        Raises:
            RunnerError: it cannot be made; nothing is left of it.
        """
        wish = creation.Wish(
            container=self._place.container,
            root=self._root,
            bundle=self._place.passing,
            console_socket=console,
            pid_file=None,
            preserved=0,
            new_keyring=True,
            config=bundle.config,
            host=bundle.cgroups,
            meanwhile=meanwhile,
        )
        self._made = creation.create(wish, self._log)
        return self._made.state.pid

    def start(self) -> None:
        """Have it execute its program, once it is made.

        Raises:
            RunnerError: it does not.
        """
        if self._made is not None:
            lifecycle.start_made(self._made, self._log)

    def delete(self) -> None:
        """End what is left of it, and forget it. It may be repeated."""
        try:
            lifecycle.delete(find(self._root, self._place.container), self._log, force=True)
        except ContainerUnknown:
            # Whoever made it may have been killed before it had its name.
            with Suppressed(FileNotFoundError):
                forget_unfinished(self._root)


class Told(Log):
    """The runtime's log, of which somebody is told what had to be left out."""

    __slots__ = ("_warn",)

    def __init__(self, warn: Callable[[str], None]) -> None:
        super().__init__(None, "text", debug=False)
        self._warn = warn

    def warning(self, text: str) -> None:
        """Tell it."""
        self._warn(text)


class Other:
    """Another one's command, such as runc or crun."""

    __slots__ = ("_command", "_folder", "_place")

    def __init__(self, folders: Folders, place: Place, command: str) -> None:
        self._command = command
        self._folder = runtime_commands.folder(folders, command)
        self._place = place

    def create(self, console: str | None, _bundle: Bundle, meanwhile: Callable[[], None]) -> int:
        """As `Native.create`."""
        # Its command ends, and leaves the container's first process to this one.
        tasks.adopt_orphans()
        pid_file = f"{self._place.passing}/pid"
        terminal = [] if console is None else ["--console-socket", console]
        self._call("create", "--bundle", self._place.passing, "--pid-file", pid_file, *terminal)
        meanwhile()
        with open(pid_file, encoding="utf-8") as file:
            return int(file.read())

    def start(self) -> None:
        """As `Native.start`."""
        self._call("start")

    def delete(self) -> None:
        """As `Native.delete`. Where the command does not do it, or has gone, it is forgotten that it made anything.

        What still runs then is ended by its cgroup.
        """
        try:
            self._call("delete", "--force")
        except RuntimeFailed:
            trees.remove_path(f"{self._folder}/{self._place.container}")

    def _call(self, operation: str, *words: str) -> None:
        log = f"{self._place.passing}/runtime.log"
        command = [self._command, "--root", self._folder, "--log", log, "--log-format", "json", operation, *words]
        try:
            child = os.posix_spawnp(self._command, [*command, self._place.container], os.environ)
        except OSError as error:
            raise RuntimeFailed(self._command, error.strerror or "it cannot be executed") from error
        _, ended = os.waitpid(child, 0)
        if code := os.waitstatus_to_exitcode(ended):
            raise RuntimeFailed(
                self._command, runtime_commands.last_error(log) or f"{operation} ended with status {code}"
            )


def of(
    folders: Folders, place: Place, command: str | None, warn: Callable[[str], None] | None = None
) -> Native | Other:
    """The runtime of a container.

    Args:
        folders: where containers are.
        place: the container's.
        command: the name or the path that its settings have.
        warn: told what the runner's own one leaves out; of another one's messages only errors are looked at.
    """
    return Native(folders, place, warn or _nobody) if command is None else Other(folders, place, command)


def tick(pid: int) -> int:
    """When a process began, in the kernel's ticks since it booted; 0 where it has gone."""
    try:
        return processes.start_time(pid)
    except OSError:
        return 0


def _nobody(_text: str) -> None:
    """Let it be said to nobody: who takes away what is left has asked for nothing that could be left out."""
