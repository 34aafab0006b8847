"""runner kill: a signal for containers."""

from __future__ import annotations

from runner.cli import containers
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import ending, signalling


def run(arguments: Arguments, places: Places) -> int:
    """Send it to each of them; the status to end with."""
    number = signalling.parse(arguments.text("signal") or "KILL")
    return containers.each(places, arguments.words, lambda _folders, place: ending.kill(place, number))
