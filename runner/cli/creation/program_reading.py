"""From the words behind `exec` to a further program of a container."""

from __future__ import annotations

from runner.bundles.program import Program
from runner.cli.creation import names
from runner.cli.creation.environment import read_variables
from runner.cli.creation.reading import Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.cli.parsing import Arguments


def read_program(arguments: Arguments, own: Mapping[str, str] | None = None) -> Program:
    """What `arguments` ask for: the first of their words is the container, the rest the program.

    Args:
        arguments: of `exec`, parsed by the flags of the table.
        own: the environment that variables without a value are taken from; None for this process's.

    Raises:
        UsageError: a value is none that its flag takes.
    """
    reading = Reading(arguments)
    return Program(
        arguments=tuple(arguments.words[1:]),
        environment=read_variables(reading, own),
        user=arguments.text("user") or None,
        working_directory=reading.word("workdir", names.working_directory),
        terminal=arguments.flag("tty"),
        stdin_open=arguments.flag("interactive"),
        privileged=arguments.flag("privileged"),
    )
