"""runner wait: until containers end."""

from __future__ import annotations

from runner.cli import containers
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import ending


def run(arguments: Arguments, places: Places) -> int:
    """Print the exit status of each of them; the status to end with."""
    return containers.each(places, arguments.words, lambda folders, place: str(ending.wait(folders, place)))
