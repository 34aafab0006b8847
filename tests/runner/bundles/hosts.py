"""Hosts and places that bundles are made for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.bundles.facts import Facts
from runner.bundles.place import Place
from runner.cgroups.hierarchies import Hierarchy, Host
from runner.oci.spec.capability_names import NAMES

CONTROLLERS = ("blkio", "cpu", "cpuset", "devices", "memory", "pids")
VERSION_1 = Host(
    tuple(Hierarchy(f"/sys/fs/cgroup/{name}", 1, frozenset({name})) for name in CONTROLLERS),
    dict.fromkeys(CONTROLLERS, True),
)
HOST = Facts("x86_64", "6.1.0", "machine", 4, NAMES, VERSION_1, True, True)
ID = "0123456789abcdef" * 4


@contextmanager
def place(home: Path, **more: object) -> Iterator[Place]:
    """A container's place; its root file system has nobody in it, unless there is one already."""
    rootfs = home / "rootfs"
    rootfs.mkdir(exist_ok=True)
    with opened(rootfs) as root:
        yield Place(ID, str(rootfs), root, f"/moorage/{ID}", **more)  # type: ignore[arg-type]


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A descriptor of a directory."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
