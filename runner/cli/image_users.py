"""Which containers were made of an image."""

from __future__ import annotations

from contextlib import suppress

from oci_spec.digest import Digest
from runner.cli import containers
from runner.cli.main import Places
from runner.containers import finding, records, status
from runner.containers.errors import ContainerUnknown
from runner.images.removal import User, Users

_SHORT = 12


def users(places: Places) -> Users:
    """Tells it for any image."""
    folders = containers.folders(places)

    def of(image: Digest) -> list[User]:
        found = []
        for place in finding.all_of(folders):
            # One may go meanwhile.
            with suppress(ContainerUnknown):
                if records.read(place).settings.image_id == str(image):
                    found.append(User(place.container[:_SHORT], status.of(place) == status.RUNNING))
        return found

    return of
