"""Hosts and places that bundles are made for."""

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


def place(home: Path, **more: object) -> Place:
    """A container's place, with a root file system that has nobody in it."""
    rootfs = home / "rootfs"
    rootfs.mkdir(exist_ok=True)
    return Place(ID, str(rootfs), f"/moorage/{ID}", **more)  # type: ignore[arg-type]
