"""Making a container of an image."""

from __future__ import annotations

import os

from runner.containers import making
from runner.containers.clock import now
from runner.containers.errors import RuntimeUnknown
from runner.containers.records import Container
from runner.containers.volumes import Volumes
from runner.store import blobs, layers, pins
from runner.store.errors import ImageUnknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders
    from runner.containers.settings import Settings
    from runner.store.folders import Store
    from runner.store.index import Image


def create(
    folders: Folders, store: Store, image: Image, settings: Settings, *, foreground: bool, by_run: bool
) -> tuple[Container, int]:
    """Make a container; it, and its lock, held.

    Args:
        folders: where.
        store: where the image is.
        image: of which it is made; it cannot be removed as long as the container is there.
        settings: with what the image says filled in.
        foreground: whether somebody waits for it.
        by_run: whether it is to be started at once.

    Raises:
        ImageUnknown: somebody has just removed the image.
        ContainerNameTaken, ContainerNameInvalid: it cannot be called so.
        RuntimeUnknown: the runtime that it wants is not there.
    """
    runtime = None if settings.runtime is None else _whole(settings.runtime)
    settings = settings._replace(mounts=Volumes(folders.volumes).named(settings.mounts))
    container = Container(
        id=making.new_id(),
        name=settings.name or "",
        created=now(),
        layers=tuple(map(str, image.layers)),
        settings=settings._replace(image_id=str(image.id), runtime=runtime),
        foreground=foreground,
        by_run=by_run,
    )

    def hold() -> None:
        pins.pin(store, container.id, blobs=[image.id, image.manifest], layers=image.layers)
        # What was removed before the pin is not there; what is there now stays.
        if not blobs.has(store, image.id) or not all(layers.has(store, each) for each in image.layers):
            raise ImageUnknown(settings.image)

    return making.make(folders, container, hold)


def _whole(runtime: str) -> str:
    """Where another runtime is, whoever starts the container from wherever; a name alone is looked for in PATH."""
    if "/" in runtime:
        runtime = os.path.abspath(runtime)
        places = [runtime]
    else:
        places = [f"{folder}/{runtime}" for folder in os.get_exec_path()]
    if not any(os.path.isfile(place) and os.access(place, os.X_OK) for place in places):
        raise RuntimeUnknown(runtime)
    return runtime
