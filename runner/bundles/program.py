"""A further program of a container, as its user asks for it."""

from __future__ import annotations

from runner.records import Record


class Program(Record):
    """A further program of a container that runs; None stands for what the container's own program has."""

    arguments: tuple[str, ...]
    environment: tuple[str, ...] = ()
    """Beside that of the container's program, each `NAME=value`; a name alone takes one away."""
    user: str | None = None
    working_directory: str | None = None
    terminal: bool = False
    stdin_open: bool = False
    privileged: bool = False
