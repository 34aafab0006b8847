"""What a container has before its monitor makes it: its root, mounted, and its bundle.

That is made by whoever wants it started, while the monitor is still loading what it needs for the rest.
"""

from __future__ import annotations

import os

from runner.containers import bundling, layers, overlay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container


class Prepared:
    """Detached mounts, which are gone with the last of their descriptors; these are closed at the end of the block."""

    __slots__ = ("mounts", "warnings")

    def __init__(self, folders: Folders, place: Place, container: Container) -> None:
        """Mount the root and write the bundle.

        Raises:
            RunnerError, OSError: it cannot be.
        """
        lower = layers.directories(folders, container)
        root = overlay.mount(place, lower, volatile=container.settings.remove)
        self.mounts = [root]
        """The root, and the shared memory that the container joins, if it does."""
        try:
            bundle = bundling.write(folders, place, container, root)
        except BaseException:
            os.close(root)
            raise
        if bundle.shm is not None:
            self.mounts.append(bundle.shm)
        self.warnings = bundle.warnings
        """For the user."""

    def __enter__(self) -> Prepared:
        return self

    def __exit__(self, *_: object) -> None:
        for mount in self.mounts:
            os.close(mount)
