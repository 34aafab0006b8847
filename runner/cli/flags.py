"""The shape of the command line: commands, their flags and arguments, as docker words them.

One table (`table`) describes every command. From it come the parser, the help texts, and what is refused by name. The
way of a start: nothing is loaded here.
"""

from __future__ import annotations

from runner.records import Record

BOOL = "bool"
TEXT = "string"
TEXTS = "list"
"""A flag that may be given several times; each adds one."""
NUMBER = "int"


class Flag(Record):
    """A flag: `--name`, and `-short` if it has one. `kind` is also what the help calls its value.

    The `aliases` are other names that docker takes and does not show.
    """

    name: str
    summary: str
    kind: str = BOOL
    short: str = ""
    default: bool | str | int | None = None
    aliases: tuple[str, ...] = ()


class Command(Record):
    """A command: what is typed, what it takes, and the module whose `run` does it.

    `unbuilt` are flags of docker's that are not built here: they are refused by name, never ignored. With
    `interspersed`, flags may follow arguments; without, the first argument ends them, since what follows is another
    program's.
    """

    name: str
    usage: str
    summary: str
    module: str
    flags: tuple[Flag, ...] = ()
    least: int = 0
    most: int | None = None
    unbuilt: tuple[str, ...] = ()
    interspersed: bool = True
    aliases: tuple[str, ...] = ()

    def words(self) -> str:
        """How the command is called, with the program's name."""
        return f"runner {self.name}"


FORMAT = Flag("format", "Format output with 'json', 'table', 'table TEMPLATE' or a Go template", TEXT)
"""How lists are shown."""

TLS_VERIFY = Flag(
    "tls-verify", "Demand HTTPS with a certificate that can be trusted (not with loopback addresses)", default=True
)
"""Of all that asks registries."""
