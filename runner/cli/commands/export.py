"""runner export: a container's root file system as an archive."""

from __future__ import annotations

from runner.cli import archive_file, containers
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import exporting, finding


def run(arguments: Arguments, places: Places) -> int:
    """Write the archive to a file, or to standard output; the status to end with."""
    folders = containers.folders(places)
    place = finding.find(folders, arguments.words[0])
    with archive_file.opened(arguments.text("output")) as output:
        exporting.export(folders, place, output)
    return 0
