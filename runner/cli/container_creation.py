"""Making a container as `run` and `create` say: of an image that is here, or is pulled."""

from __future__ import annotations

import os
import sys

from oci_spec.image_name import ImageName
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
    if settings.init:
        # Only here: few ask for it. Whatever is missing is told before anything is pulled or made.
        from runner.bundles import init_program

        init_program.find()
    id_file = None if settings.cidfile is None else _made_id_file(settings.cidfile)
    try:
        store = Store(folders.root)
        image = _find_or_pull(store, settings, arguments)
        merged = merge(settings, read_defaults(blobs.read(store, image.id)))
        container, lock = creating.create(folders, store, image, merged, foreground=foreground, by_run=by_run)
    except BaseException:
        if settings.cidfile is not None:
            os.unlink(settings.cidfile)
        raise
    if id_file is not None:
        os.write(id_file, container.id.encode())
        os.close(id_file)
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
            name = ImageName.parse(settings.image).tagged().familiar()
            print(f"Unable to find image '{name}' locally", file=sys.stderr)
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


def _made_id_file(path: str) -> int:
    """The file for the id, made before the container is: where it cannot be, there is none."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        raise Failed(f"container ID file found, make sure the other container isn't running or delete {path}") from None
    except OSError as error:
        raise Failed(f"failed to create the container ID file: {path}: {error.strerror}") from error
