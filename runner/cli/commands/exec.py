"""runner exec: a further program in a container that runs."""

from __future__ import annotations

from runner.cli import containers
from runner.cli.creation.program_reading import read_program
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import finding
from runner.containers.further import executing


def run(arguments: Arguments, places: Places) -> int:
    """Execute it; its exit status, or 0 where it is not waited for."""
    program, detached = read_program(arguments), arguments.flag("detach")
    if program.terminal:
        # Only here: it loads what a program without one does not need.
        from runner.cli.foreground import check_terminal

        check_terminal(program.terminal, has_input=program.stdin_open and not detached)
    found = containers.folders(places)
    place = finding.find(found, arguments.words[0])
    return executing.execute(found, place, program, detached=detached, warn=containers.warn)
