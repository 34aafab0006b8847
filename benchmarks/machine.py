"""The machine on which a run takes place: its class, and nothing that tells it from others of that class."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def describe_machine(directory: Path) -> dict[str, str]:
    """Cores, processor, memory, kernel, the file system of `directory` and the interpreter."""
    pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "memory": f"{round(pages * page_size / 2**30)} GiB",
        "kernel": platform.release().partition("-")[0],
        "file system": file_system(directory),
        "Python": platform.python_version(),
    }


def load_average() -> float:
    """How many processes wanted a core in the last minute."""
    return os.getloadavg()[0]


def file_system(directory: Path) -> str:
    """The type of the file system that holds `directory`."""
    place = str(directory.resolve())
    best, found = "", "unknown"  # the longest mount point above it
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        above = point.rstrip("/") + "/"
        if (place + "/").startswith(above) and len(above) > len(best):
            best, found = above, kind
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
