"""/sys/fs/cgroup in the container: its own cgroup, and nothing of the others'."""

from __future__ import annotations

import os

from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts
from runner.oci.rootfs import targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cgroups.hierarchies import Hierarchy, Host
    from runner.oci.spec.values import Mount

_TMPFS_OPTIONS = ("mode=755", "size=64k")


def mount(root: int, wanted: Mount, host: Host, *, own_namespace: bool) -> None:
    """Mount the hierarchies of this host as their versions are used to.

    Args:
        root: the root file system.
        wanted: the mount of type `cgroup`.
        host: the hierarchies, where this process sees them.
        own_namespace: whether this process is in a cgroup namespace of its own, whose root is the container's cgroup.

    Raises:
        CallFailed: the kernel refuses.
    """
    target = targets.directory(root, wanted.destination)
    try:
        if len(host.hierarchies) == 1 and host.hierarchies[0].version == 2:
            _attach(_hierarchy(host.hierarchies[0], own_namespace, wanted.options.add), target)
        else:
            _mount_all(host, target, wanted, own_namespace)
    finally:
        os.close(target)


def _mount_all(host: Host, target: int, wanted: Mount, own_namespace: bool) -> None:
    """A directory for each hierarchy, and a link for each controller that shares one."""
    outer = mounts.new_filesystem("tmpfs", "tmpfs", _TMPFS_OPTIONS, wanted.options.add & ~mounts.READ_ONLY)
    try:
        mounts.attach(outer, target)
        for hierarchy in host.hierarchies:
            if hierarchy.version == 1 and not hierarchy.controllers:
                # A hierarchy with a name belongs to who named it; the container is not in it.
                continue
            name = os.path.basename(hierarchy.mount)
            os.mkdir(name, 0o755, dir_fd=outer)
            place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=outer)
            try:
                _attach(_hierarchy(hierarchy, own_namespace, wanted.options.add), place)
            finally:
                os.close(place)
            if hierarchy.version == 1:
                _link(hierarchy, name, outer)
        if wanted.options.add & mounts.READ_ONLY:
            mounts.change(outer, add=mounts.READ_ONLY)
    finally:
        os.close(outer)


def _hierarchy(hierarchy: Hierarchy, own_namespace: bool, attributes: int) -> int:
    if not own_namespace:
        copy = mounts.copy_path(hierarchy.mount + _own_path(hierarchy), recursive=False)
        mounts.change(copy, add=attributes)
        return copy
    if hierarchy.version == 2:
        return mounts.new_filesystem("cgroup2", "cgroup", (), attributes)
    return mounts.new_filesystem("cgroup", "cgroup", tuple(sorted(hierarchy.controllers)), attributes)


def _attach(mount: int, target: int) -> None:
    try:
        mounts.attach(mount, target)
    finally:
        os.close(mount)


def _link(hierarchy: Hierarchy, name: str, outer: int) -> None:
    for controller in sorted(hierarchy.controllers):
        if controller != name:
            os.symlink(name, controller, dir_fd=outer)


def _own_path(hierarchy: Hierarchy) -> str:
    """Where this process is in a hierarchy (cgroups(7), "/proc/PID/cgroup")."""
    with open(os.open("/proc/self/cgroup", os.O_RDONLY | os.O_CLOEXEC), encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            names = frozenset(controllers.split(",")) - {""}
            if names == hierarchy.controllers if hierarchy.version == 1 else not names:
                return "" if path == "/" else path
    raise CallFailed("mount", hierarchy.mount, OSError(2, "this process is in no cgroup of the hierarchy"))
