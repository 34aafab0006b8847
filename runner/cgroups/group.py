"""A container's cgroup: one path in all hierarchies of the host, whatever their versions."""

from __future__ import annotations

import errno
import os
import time

from runner.cgroups import making, states, waiting
from runner.cgroups.errors import CgroupControllerMissing, CgroupFailed
from runner.cgroups.folders import Folder, parse_path
from runner.cgroups.hierarchies import Host
from runner.cgroups.oom import OomWatch
from runner.cgroups.plan import needs_device_filter, plan
from runner.cgroups.resources import Resources
from runner.cgroups.statistics import Statistics, oom_kills_v1, oom_kills_v2, read_v1, read_v2
from runner.cgroups.writes import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cgroups.statistics import Read


class Cgroup:
    """A cgroup that was made by `create`, or is taken to be there by `find`. It holds no descriptors."""

    __slots__ = ("_folders", "_host")

    def __init__(self, host: Host, folders: tuple[Folder, ...]) -> None:
        self._host = host
        self._folders = folders

    @property
    def host(self) -> Host:
        """The host's hierarchies, as they were when it was made or found."""
        return self._host

    @property
    def folders(self) -> tuple[Folder, ...]:
        """Where it is."""
        return self._folders

    @property
    def birthplace(self) -> Folder | None:
        """The folder in version 2, if there is one: what clone3(2) with CLONE_INTO_CGROUP takes."""
        return next((folder for folder in self._folders if folder.hierarchy.version == 2), None)

    def limit(self, resources: Resources) -> None:
        """Set limits, also while processes run. Those that are not given stay as they are.

        What was written before an error stays written.

        Raises:
            CgroupControllerMissing: the host lacks a controller or a file; nothing is written then.
            CgroupSettingUnsupported: this host's version of the controller has no such setting; nothing is written.
            CgroupFailed: the kernel does not take a value.
        """
        writes = [write for write in plan(resources, self._host, self._read) if self._takes(write)]
        for write in writes:
            self._folder(write.controller).write(write.file, write.text)
        if needs_device_filter(resources, self._host):
            # Only here: hosts with version 1 do without it.
            from runner.cgroups import device_filters

            device_filters.restrict(self._folder("cgroup"), resources.devices)

    def enter(self, pid: int) -> None:
        """Move a process, with all its threads, into the cgroup."""
        for folder in self._folders:
            folder.write("cgroup.procs", str(pid))

    def enter_alone(self, *, born_in: Folder | None = None, beside: int | None = None) -> None:
        """Move the calling process, which must have one thread, into the cgroup, but for the folder it was born in.

        For the child of a fork: version 1's `tasks` costs it a hundredth of what `cgroup.procs` does, which waits for
        all processors.

        Args:
            born_in: the folder it was born in.
            beside: a descriptor of a process of the cgroup's (pidfd_open(2)), in whose own cgroup it belongs where
                those processes have made cgroups beneath this one, which then takes none.
        """
        for folder in self._folders:
            if folder == born_in:
                continue
            if folder.hierarchy.version == 1:
                folder.write("tasks", "0")
            else:
                _enter_unified(folder, beside)

    def processes(self) -> set[int]:
        """The processes in it and in the cgroups that these made beneath it."""
        return set().union(*(folder.processes() for folder in self._folders))

    def freeze(self) -> None:
        """Stop all processes; come back when they stand."""
        states.freeze(self._folders)

    def thaw(self) -> None:
        """Let all processes go on."""
        states.thaw(self._folders)

    def is_frozen(self) -> bool:
        """Whether its processes stand; not where it is gone."""
        return states.is_frozen(self._folders)

    def send(self, number: int) -> None:
        """Send a signal to all processes; to those that stand frozen it comes when they go on."""
        states.send(self._folders, number)

    def kill(self) -> None:
        """Send SIGKILL to all processes, also to frozen ones. It does not wait for their end: `delete` does."""
        states.kill(self._folders)

    def statistics(self) -> Statistics:
        """What its processes have used. Each number comes from the hierarchy that counts it."""
        of_v1, of_v2 = read_v1(self._reader(1)), read_v2(self._reader(2))
        return Statistics(*(two if one is None else one for one, two in zip(of_v1, of_v2, strict=True)))

    def oom_kills(self) -> int | None:
        """How many processes the kernel killed for want of memory; None where nobody counts."""
        kills = oom_kills_v1(self._reader(1))
        return oom_kills_v2(self._reader(2)) if kills is None else kills

    def watch_oom(self) -> OomWatch:
        """Be told of each such kill.

        Raises:
            CgroupControllerMissing: there is no memory controller.
        """
        return OomWatch(self._folder("memory"))

    def delete(self) -> None:
        """Remove the cgroup and those beneath it, once its last processes, which must be dying, have gone.

        What is not there is removed already, so it may be repeated.

        Raises:
            CgroupFailed: processes stay.
        """
        for folder in self._folders:
            for member in folder.subtree():
                _remove(member)

    def _takes(self, write: Write) -> bool:
        """Whether there is the file for a write; False for one that can be left out."""
        folder = self._folder(write.controller)
        if folder.has(write.file):
            return True
        if write.optional:
            return False
        reason = f"it has no {write.file}"
        raise CgroupControllerMissing(write.controller, f"{reason}; needs {write.option}" if write.option else reason)

    def _folder(self, controller: str) -> Folder:
        hierarchy = self._host.unified if controller == "cgroup" else self._host.require(controller)
        return next(folder for folder in self._folders if folder.hierarchy == hierarchy)

    def _read(self, controller: str, file: str) -> str | None:
        return self._folder(controller).read(file) if self._host.find(controller) is not None else None

    def _reader(self, version: int) -> Read:
        """Reads files of those controllers that are in a hierarchy of this version."""

        def read(controller: str, file: str) -> str | None:
            found = self._host.find(controller)
            return self._read(controller, file) if found is not None and found.version == version else None

        return read


def _enter_unified(folder: Folder, beside: int | None) -> None:
    try:
        folder.write("cgroup.procs", "0")
    except CgroupFailed as error:
        # cgroup-v2.rst, "No Internal Process Constraint".
        if beside is None or error.cause.errno != errno.EBUSY:
            raise
        path = _unified_path(beside)
        if not path.startswith(f"{folder.path}/"):
            raise
        Folder(folder.hierarchy, path).write("cgroup.procs", "0")


def _unified_path(process: int) -> str:
    """The path of a process's cgroup of version 2; empty where it has ended."""
    pid = _after("Pid:\t", f"/proc/self/fdinfo/{process}")
    return _after("0::", f"/proc/{pid}/cgroup")


def _after(start: str, path: str) -> str:
    """The rest of the line that begins so in a file of the kernel's; empty where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="utf-8", errors="surrogateescape") as file:
            return next((line.removeprefix(start).rstrip("\n") for line in file if line.startswith(start)), "")
    except OSError:
        return ""


def _remove(folder: Folder) -> None:
    # A killed process is in the cgroup until it has exited, and the kernel may be behind even then.
    waiting.until(
        folder.remove, folder, "the end of its processes", lambda timeout_s: _processes_exit(folder, timeout_s)
    )


def _processes_exit(folder: Folder, timeout_s: float) -> None:
    if pids := folder.processes():
        waiting.exits(pids, timeout_s)
    else:
        # The last has exited, but not yet left.
        time.sleep(timeout_s)


def create(host: Host, path: str, resources: Resources) -> Cgroup:
    """Make a cgroup with its limits, to enter it then. Cgroups above it are made as they are needed, and stay.

    Either all of it is made, or nothing stays of it.

    Args:
        host: what `hierarchies.detect` found.
        path: `cgroupsPath`, absolute: who calls chooses the parent.
        resources: its limits.

    Raises:
        CgroupPathInvalid: the path is none.
        CgroupExists: it is there.
        CgroupControllerMissing: the host lacks what a limit needs.
        CgroupSettingUnsupported: a setting is none of this host's version.
        CgroupFailed: the kernel refuses something.
    """
    folders = making.folders(host, parse_path(path))
    if not folders:
        raise CgroupControllerMissing("cgroup", "no hierarchy is mounted")
    # Before anything is made: what the host lacks as a whole. Single files can only be looked for afterwards.
    needed = frozenset(write.controller for write in plan(resources, host, lambda _controller, _file: None))
    cgroup = Cgroup(host, folders)
    making.make(folders, needed, lambda: cgroup.limit(resources))
    return cgroup


def find(host: Host, path: str) -> Cgroup:
    """The cgroup of a container that was created before.

    Raises:
        CgroupPathInvalid: the path is none.
    """
    return Cgroup(host, making.folders(host, parse_path(path)))
