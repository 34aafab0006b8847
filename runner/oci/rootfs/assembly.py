"""The container's root file system, from the bundle's directory to the root of a mount namespace."""

from __future__ import annotations

import os

from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts
from runner.oci.rootfs import cgroup_mounts, devices, masking, mounting, targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cgroups.hierarchies import Host
    from runner.oci.spec.values import Config, Mount

_PROPAGATIONS = {
    "shared": mounts.SHARED,
    "slave": mounts.SLAVE,
    "private": mounts.PRIVATE,
    "unbindable": mounts.UNBINDABLE,
}
_DEV = "/dev"
_CGROUP_TYPES = {"cgroup", "cgroup2"}


def assemble(config: Config, host: Host, opened: list[int] | None = None) -> int:
    """Mount all that the container sees beneath its root; the descriptor is of that root, a mount of its own.

    For the first process of a new mount namespace. Its root still is the host's afterwards.

    Args:
        config: the container's.
        host: the hierarchies of cgroups, where this process sees them mounted.
        opened: what the binds show, one after the other, where this process might not reach it; they are closed.

    Raises:
        CallFailed: the kernel refuses something.
    """
    wanted = config.linux.root_propagation
    shared: dict[Mount, int] = {}
    if opened is None:
        # Nothing is shared with a user namespace: its mounts are slaves of the host's.
        shared = {mount: mounting.copy_source(mount) for mount in config.mounts if _is_shared_with_host(mount, wanted)}
    if config.linux.namespace("mount") is not None:
        # Whatever is mounted from now on must not show on the host. A slave still sees what the host mounts, as in
        # runc.
        from_host = _propagation(wanted) if wanted and not wanted.endswith("shared") else mounts.SLAVE
        mounts.propagate("/", from_host if from_host != mounts.UNBINDABLE else mounts.PRIVATE, recursive=True)
    root = _open_root(config.root.path)
    for mount in config.mounts:
        if mount.kind in _CGROUP_TYPES and not mounting.is_bind(mount):
            cgroup_mounts.mount(root, mount, host, own_namespace=config.linux.namespace("cgroup") is not None)
        else:
            source = shared.pop(mount, None)
            if opened is not None and mounting.is_bind(mount):
                source = mounting.copy_opened(mount, opened.pop(0))
            mounting.mount(root, _still_writable(mount), source)
    if not _is_dev_of_host(config):
        devices.make_all(root, config.linux.devices, bound=config.linux.namespace("user") is not None)
        devices.link_all(root)
    # As engines expect it, though it may not be in the image.
    try:
        os.close(targets.directory(root, config.process.cwd))
    except CallFailed as error:
        raise CallFailed("working directory", config.process.cwd, error.cause) from error
    return root


def restrict(root: int, config: Config) -> None:
    """Make read-only and hide what is to be so: the last changes before the root is given to the container.

    Raises:
        CallFailed: the kernel refuses something.
    """
    masking.make_read_only(root, config.linux.read_only_paths)
    masking.mask(root, config.linux.masked_paths)
    if any(_still_writable(mount) is not mount for mount in config.mounts):
        _close_dev(root)
    if config.root.read_only:
        mounts.change(root, add=mounts.READ_ONLY)


def _close_dev(root: int) -> None:
    # But for what is mounted in it, such as /dev/shm.
    dev = targets.directory(root, _DEV)
    try:
        mounts.change(dev, add=mounts.READ_ONLY)
    finally:
        os.close(dev)


def enter(root: int, config: Config) -> None:
    """Make it this process's root, in a mount namespace for good.

    Raises:
        CallFailed: the kernel refuses.
    """
    if config.linux.namespace("mount") is None:
        os.fchdir(root)
        os.chroot(".")
        os.chdir("/")
        return
    mounts.make_root(root)
    wanted = config.linux.root_propagation
    if wanted:
        mounts.propagate("/", _propagation(wanted), recursive=wanted.startswith("r"))


def _open_root(path: str) -> int:
    """The bundle's directory as a mount, in its own place: only such a one can become the root."""
    place = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        copy = mounts.copy_descriptor(place, recursive=True)
        # The mount above must not be shared, or pivot_root(2) refuses.
        mounts.attach(copy, place)
    finally:
        os.close(place)
    mounts.change(copy, propagation=mounts.PRIVATE, recursive=True)
    return copy


def _still_writable(mount: Mount) -> Mount:
    """A /dev that is to be read-only has to take the device files first."""
    if mount.destination.rstrip("/") != _DEV or mounting.is_bind(mount) or not mount.options.add & mounts.READ_ONLY:
        return mount
    return mount._replace(options=mount.options._replace(add=mount.options.add & ~mounts.READ_ONLY))


def _is_dev_of_host(config: Config) -> bool:
    return any(mount.destination.rstrip("/") == _DEV and mounting.is_bind(mount) for mount in config.mounts)


def _is_shared_with_host(mount: Mount, root_propagation: str) -> bool:
    """Whether what the container mounts in it is to show on the host: then it is copied while the host's is shared."""
    return (
        root_propagation.endswith("shared") and mounting.is_bind(mount) and mount.options.propagation == mounts.SHARED
    )


def _propagation(word: str) -> int:
    # shared, rshared, …: one letter before the kind.
    return _PROPAGATIONS[word if word in _PROPAGATIONS else word.removeprefix("r")]
