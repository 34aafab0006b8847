"""A container's root as an archive: its image, and what it has written, without what is mounted in it."""

from __future__ import annotations

import os
from contextlib import suppress

from runner.containers import layers, liveness, overlay, records, settling
from runner.containers.errors import ContainerRemoved
from runner.containers.folders import Folders, Place
from runner.layers.archiving import archive
from runner.layers.writer import ByteSink

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def export(folders: Folders, place: Place, output: ByteSink) -> None:
    """Write the root of a container, whatever it is doing, as a tar archive.

    Meanwhile nobody starts or removes it. It may go on running, and end.

    Raises:
        ContainerUnknown: it has gone.
        ContainerRemoved: it has ended meanwhile, and was to be removed then.
        LayerError: something of it cannot be read, or be in an archive.
        CallFailed: the kernel does not mount its root.
    """
    lock = settling.shared_lock(place)
    try:
        root = _opened_root(folders, place)
        try:
            archive(root, output)
        finally:
            os.close(root)
        if not os.path.isdir(place.lasting):
            raise ContainerRemoved(place.container)
    finally:
        os.close(lock)


def _opened_root(folders: Folders, place: Place) -> int:
    """The container's root, open. A mount of our own is seen by nobody, and ends with the last descriptor of it."""
    monitor = liveness.monitor_of(place)
    if monitor is not None:
        root = _mounted_by(monitor, place)
        if root is not None:
            return root
    lower = layers.directories(folders, records.read(place))
    return overlay.mount_read_only(place, lower)


def _mounted_by(monitor: int, place: Place) -> int | None:
    """The root as a container's monitor has it, without what its programs see mounted there; None where it has none."""
    # What overlayfs mounts twice is not what it was; so it is looked at where it is.
    with suppress(OSError):
        beneath = os.stat(f"/proc/{monitor}/root{place.passing}")
        root = os.open(f"/proc/{monitor}/root{place.rootfs}", _DIRECTORY)
        # It may be about to end, and have taken it away; then its number may be another process's, too.
        if os.fstat(root).st_dev != beneath.st_dev and liveness.monitor_of(place) == monitor:
            return root
        os.close(root)
    return None
