"""runner rm: containers are removed for good."""

from __future__ import annotations

import sys

from runner.cli import containers
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import ending, finding
from runner.containers.errors import ContainerUnknown
from runner.errors import RunnerError


def run(arguments: Arguments, places: Places) -> int:
    """Remove each of them; the status to end with."""
    folders, status = containers.folders(places), 0
    force, with_volumes = arguments.flag("force"), arguments.flag("volumes")
    for word in arguments.words:
        try:
            ending.discard(folders, finding.find(folders, word), force=force, with_volumes=with_volumes)
            print(word)
        except RunnerError as error:
            print(f"Error: {error}", file=sys.stderr)
            status = status if force and isinstance(error, ContainerUnknown) else 1
    return status
