"""Making and joining namespaces (namespaces(7))."""

from __future__ import annotations

import os

from runner.oci.kernel.calls import library_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

FLAGS: Final[Mapping[str, int]] = {
    "user": 0x1000_0000,
    "mount": 0x0002_0000,
    "uts": 0x0400_0000,
    "ipc": 0x0800_0000,
    "network": 0x4000_0000,
    "pid": 0x2000_0000,
    "cgroup": 0x0200_0000,
    "time": 0x0000_0080,
}
"""The kernel's flag of each kind, under the runtime specification's names. Of those that are joined, user comes first:
it gives the right to the others."""

FILES: Final[Mapping[str, str]] = {
    "user": "user",
    "mount": "mnt",
    "uts": "uts",
    "ipc": "ipc",
    "network": "net",
    "pid": "pid",
    "cgroup": "cgroup",
    "time": "time",
}
"""What each kind is called in /proc/PID/ns."""


def unshare(kinds: Iterable[str]) -> None:
    """Leave the namespaces of these kinds for new ones. Those of kinds pid and time are for children only.

    Raises:
        CallFailed: the kernel refuses, or has no such kind.
    """
    names = tuple(kinds)
    if names:
        library_call("unshare", sum(FLAGS[kind] for kind in names), about=" ".join(names))


def join(descriptor: int, kinds: Iterable[str]) -> None:
    """Enter namespaces: those of a process by its pidfd, or one by its own descriptor.

    Raises:
        CallFailed: the kernel refuses, or it is of another kind.
    """
    names = tuple(kinds)
    library_call("setns", descriptor, sum(FLAGS[kind] for kind in names), about=" ".join(names))


def is_own(descriptor: int, kind: str) -> bool:
    """Whether this process is in the namespace that a descriptor leads to.

    Raises:
        OSError: /proc is not there.
    """
    found, own = os.fstat(descriptor), os.stat(f"/proc/self/ns/{FILES[kind]}")
    return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)


def existing(pid: int | None = None) -> dict[str, str]:
    """The namespaces of a process, or of this one: kind and identity. Kinds that the kernel lacks are left out.

    Raises:
        OSError: there is no such process.
    """
    folder = "/proc/self/ns" if pid is None else f"/proc/{pid}/ns"
    there = set(os.listdir(folder))
    return {kind: os.readlink(f"{folder}/{file}") for kind, file in FILES.items() if file in there}
