"""Making a container as `run` and `create` say: of an image that is here, or is pulled."""

from __future__ import annotations

import os
import sys

from runner.bundles.image_defaults import read_defaults
from runner.bundles.merging import merge
from runner.cli.errors import Failed
from runner.cli.parsing import Arguments
from runner.containers import creating
from runner.containers.folders import Folders
from runner.containers.records import Container
from runner.containers.settings import ALWAYS, NEVER, Settings
from runner.store import blobs, finding, index
from runner.store.errors import ImageUnknown
from runner.store.folders import Store
from runner.store.index import Image


def create(
    folders: Folders, settings: Settings, arguments: Arguments, *, foreground: bool, by_run: bool
) -> tuple[Container, int]:
    """Make it; it, and its lock, held.

    Raises:
        RunnerError, OciSpecError, OSError: it cannot be made.
    """
    _check_id_file(settings)
    if settings.init:
        # Only here: few ask for it. Whatever is missing is told before anything is pulled or made.
        from runner.bundles import init_program

        init_program.find()
    store = Store(folders.root)
    image = _find_or_pull(store, settings, arguments)
    merged = merge(settings, read_defaults(blobs.read(store, image.id)))
    container, lock = creating.create(folders, store, image, merged, foreground=foreground, by_run=by_run)
    _write_id(settings, container)
    return container, lock


def _find_or_pull(store: Store, settings: Settings, arguments: Arguments) -> Image:
    if settings.pull != ALWAYS:
        try:
            image = finding.find(index.read(store), settings.image)
            if settings.platform is not None:
                _check_platform(store, image, settings)
        except ImageUnknown:
            if settings.pull == NEVER:
                raise
            print(f"Unable to find image '{settings.image}' locally", file=sys.stderr)
        else:
            return image
    return _pull(store, arguments)


def _pull(store: Store, arguments: Arguments) -> Image:
    # Only here: it loads all that speaks to registries.
    from runner.cli import bars, transfers
    from runner.cli.commands.pull import pull_and_tell
    from runner.images.pulling import Pull

    watcher = bars.watcher(quiet=arguments.flag("quiet"))
    wanted = Pull(store, transfers.connect, watcher, transfers.platform(arguments))
    return transfers.run(pull_and_tell(wanted, arguments.words[0], transfers.tls_verify(arguments))).image


def _check_platform(store: Store, image: Image, settings: Settings) -> None:
    """Return if the image that is here is of the platform that is asked for.

    Raises:
        PlatformDiffers: it is not, and no other one is to be pulled.
        ImageUnknown: it is not.
    """
    from oci_spec.image_config import parse_image_config
    from oci_spec.platforms import parse_platform
    from runner.images import host
    from runner.images.errors import PlatformDiffers
    from runner.images.manifests import check_platform

    try:
        config = parse_image_config(blobs.read(store, image.id))
        check_platform(config, parse_platform(settings.platform or "", host.platform()), settings.image)
    except PlatformDiffers:
        if settings.pull == NEVER:
            raise
        raise ImageUnknown(settings.image) from None


def _check_id_file(settings: Settings) -> None:
    if settings.cidfile is not None and os.path.exists(settings.cidfile):
        raise Failed(
            f"container ID file found, make sure the other container isn't running or delete {settings.cidfile}"
        )


def _write_id(settings: Settings, container: Container) -> None:
    if settings.cidfile is not None:
        with open(settings.cidfile, "x", encoding="ascii") as file:
            file.write(container.id)
