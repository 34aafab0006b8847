"""runner stop: containers are asked to end, and ended if they do not."""

from __future__ import annotations

from runner.cli import containers
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import ending, records, signalling
from runner.containers.folders import Folders, Place


def run(arguments: Arguments, places: Places) -> int:
    """Stop each of them; the status to end with."""
    text = arguments.text("signal")
    number = None if text is None else signalling.parse(text)

    def stop(_folders: Folders, place: Place) -> None:
        settings = records.read(place).settings
        ending.stop(place, settings, number=number, timeout_s=arguments.number("timeout"))

    return containers.each(places, arguments.words, stop)
