"""Being told when the kernel kills a process for want of memory."""

from __future__ import annotations

import os
import select

from runner.cgroups.errors import CgroupFailed
from runner.cgroups.folders import Folder


class OomWatch:
    """A descriptor for poll(2) that is ready after each such kill; then ask for the count. Close it.

    Version 1 tells by an eventfd that stands at the number of kills so far (memory.rst, "OOM Control"), version 2 by a
    change of its file (cgroup-v2.rst, "Organizing Processes and Threads"; kernfs answers POLLPRI).
    """

    __slots__ = ("_descriptors", "_version")

    def __init__(self, memory: Folder) -> None:
        self._version = memory.hierarchy.version
        self._descriptors: list[int] = []
        try:
            self._open(memory)
        except OSError as error:
            self.close()
            raise CgroupFailed(memory.place, error) from error
        except CgroupFailed:
            self.close()
            raise

    @property
    def events(self) -> int:
        """What to register the descriptor for."""
        return select.POLLIN if self._version == 1 else select.POLLPRI

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptors[0]

    def clear(self) -> None:
        """Be ready no more until the next kill. To call when the descriptor is ready; otherwise it waits."""
        if self._version == 1:
            os.eventfd_read(self.fileno())
        else:
            os.pread(self.fileno(), 4096, 0)

    def close(self) -> None:
        """Give up the descriptors. May be repeated."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _open(self, memory: Folder) -> None:
        if self._version == 2:
            self._descriptors.append(os.open(f"{memory.place}/memory.events", os.O_RDONLY | os.O_CLOEXEC))
            # Only what changes after a first look is told.
            self.clear()
            return
        self._descriptors.append(os.eventfd(0, os.EFD_CLOEXEC))
        self._descriptors.append(os.open(f"{memory.place}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC))
        memory.write("cgroup.event_control", f"{self._descriptors[0]} {self._descriptors[1]}")
