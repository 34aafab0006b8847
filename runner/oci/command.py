"""The commands that there are, and what each is."""

from __future__ import annotations

from runner.oci.errors import UsageInvalid
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.oci.log import Log
    from runner.oci.options import Flag, Given

COMMANDS = (
    "create", "delete", "exec", "features", "kill", "list", "pause", "ps", "resume", "run", "start", "state", "update",
)  # fmt: skip
VERSION = "0.1.0"
SPECIFICATION = "1.3.0"


class Context(Record):
    """What the flags before the command say."""

    root: str
    log: Log


class Command(Record):
    """A command: what it takes, and what it does."""

    summary: str
    operands: str
    """How they are called, as in `<container> [signal]`."""
    flags: tuple[Flag, ...]
    run: Callable[[Given, Context], int]
    stop_at_operand: bool = False
    """Whether what follows the first operands are words of another program."""


def load(name: str) -> Command:
    """A command by its name, with no more imports than it needs.

    Raises:
        UsageInvalid: there is none.
    """
    if name not in COMMANDS:
        raise UsageInvalid(f"there is no command {name!r}; they are {', '.join(COMMANDS)}")
    module = __import__(f"runner.oci.commands.{name}", fromlist=["COMMAND"])
    command: Command = module.COMMAND
    return command
