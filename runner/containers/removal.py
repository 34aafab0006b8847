"""Removing a container for good."""

from __future__ import annotations

import fcntl
import os

from runner import trees
from runner.containers import documents
from runner.containers.folders import GONE
from runner.containers.records import Container
from runner.containers.volumes import Volumes
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders, Place
    from runner.containers.settings import Settings


def guarded(folders: Folders) -> int:
    """The lock under which containers appear and names are given and taken; to close the descriptor gives it back."""
    lock = os.open(folders.names_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def remove(folders: Folders, place: Place) -> None:
    """Remove a container of which nothing runs; whoever calls holds its lock, or is its monitor."""
    finish(folders, hide(folders, place))


def remove_with_volumes(folders: Folders, place: Place, settings: Settings) -> None:
    """The same, with the volumes that no user has named."""
    Volumes(folders.volumes).remove_unnamed(settings.mounts)
    remove(folders, place)


def hide(folders: Folders, place: Place) -> Place:
    """The first step, after which nobody finds the container, and its name is free; what is left to `finish`."""
    gone = folders.place(place.container, GONE)
    os.rename(place.lasting, gone.lasting)
    return gone


def finish(folders: Folders, half: Place) -> None:
    """Remove what is left of one that is hidden, or that was never made as a whole. It may be repeated.

    Raises:
        RunnerError: something that runs cannot be ended.
    """
    container = documents.read(half.description, Container)
    # Its name may be given to another one right now.
    guard = guarded(folders)
    try:
        _forget_name(folders, half, container)
    finally:
        os.close(guard)
    _finish(folders, half, container)


def finish_guarded(folders: Folders, half: Place) -> None:
    """The same for who holds the lock of names."""
    container = documents.read(half.description, Container)
    _forget_name(folders, half, container)
    _finish(folders, half, container)


def _finish(folders: Folders, half: Place, container: Container | None) -> None:
    if container is not None and os.path.isdir(half.passing):
        # Only here: it loads all of the runtime.
        from runner.containers import cleaning

        cleaning.clean(folders, half, container.settings)
    if container is not None and container.settings.remove:
        Volumes(folders.volumes).remove_unnamed(container.settings.mounts)
    with Suppressed(FileNotFoundError):
        os.unlink(f"{folders.root}/pins/{half.container}")
    trees.remove_path(half.passing)
    trees.remove_path(half.lasting)


def _forget_name(folders: Folders, half: Place, container: Container | None) -> None:
    """Take its name away; whoever made it may have been killed before it was written down which that is."""
    names = os.listdir(folders.names) if container is None else [container.name]
    for name in names:
        with Suppressed(FileNotFoundError):
            if os.readlink(f"{folders.names}/{name}") == half.container:
                os.unlink(f"{folders.names}/{name}")
