"""runner create: a new container of an image, to be started later."""

from __future__ import annotations

import os

from runner.bundles import facts
from runner.bundles.resources import resources
from runner.cli import container_creation, containers
from runner.cli.creation.settings_reading import read_settings
from runner.cli.main import Places
from runner.cli.parsing import Arguments


def run(arguments: Arguments, places: Places) -> int:
    """Make the container, and print its id; the status to end with."""
    settings = read_settings(arguments)
    # What this host cannot do is told now, and not only to who starts it.
    _, warnings = resources(settings.resources, facts.look())
    for warning in warnings:
        containers.warn(warning)
    container, lock = container_creation.create(
        containers.folders(places), settings, arguments, foreground=True, by_run=False
    )
    os.close(lock)
    print(container.id)
    return 0
