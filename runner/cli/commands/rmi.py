"""runner rmi: names of images, and images with their last name."""

from __future__ import annotations

import sys

from runner.cli.image_users import users
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.images.removal import remove
from runner.store.errors import ImageUnknown, StoreError
from runner.store.folders import Store


def run(arguments: Arguments, places: Places) -> int:
    """Remove each of the images; the status to end with."""
    store, status = Store(places.root), 0
    force = arguments.flag("force")
    for text in arguments.words:
        try:
            for line in remove(store, text, users(places), force=force).lines():
                print(line)
        except StoreError as error:
            print(f"Error: {error}", file=sys.stderr)
            status = 0 if force and isinstance(error, ImageUnknown) else 1
    return status
