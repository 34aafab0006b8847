"""Removing a container for good."""

from __future__ import annotations

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


def remove(folders: Folders, place: Place) -> None:
    """Remove a container of which nothing runs; whoever calls holds its lock, or is its monitor.

    From the first step on nobody finds it any more; the rest is done again if this is interrupted (`finish`).
    """
    gone = folders.place(place.container, GONE)
    os.rename(place.lasting, gone.lasting)
    finish(folders, gone)


def remove_with_volumes(folders: Folders, place: Place, settings: Settings) -> None:
    """The same, with the volumes that no user has named."""
    Volumes(folders.volumes).remove_unnamed(settings.mounts)
    remove(folders, place)


def finish(folders: Folders, gone: Place) -> None:
    """Remove what is left of one that is being removed, or that was never made as a whole."""
    container = documents.read(gone.description, Container)
    if container is not None:
        _forget_name(folders, container)
    with Suppressed(FileNotFoundError):
        os.unlink(f"{folders.root}/pins/{gone.container}")
    trees.remove_path(gone.passing)
    trees.remove_path(gone.lasting)


def _forget_name(folders: Folders, container: Container) -> None:
    path = f"{folders.names}/{container.name}"
    with Suppressed(FileNotFoundError):
        if os.readlink(path) == container.id:
            os.unlink(path)
