"""The command line, read by hand from tables of flags: argparse would cost a start more than its namespaces do."""

from __future__ import annotations

from runner.oci.errors import UsageInvalid
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Flag(Record):
    """One flag of a command."""

    name: str
    """Without its dashes."""
    help: str
    value: str = ""
    """What its value is called; empty for a flag without one."""
    short: str = ""
    many: bool = False
    """Whether it may stand there several times."""


class Given(Record):
    """What stood on a command line."""

    flags: Mapping[str, tuple[str, ...]]
    operands: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Whether a flag without a value was given."""
        return name in self.flags

    def text(self, name: str) -> str | None:
        """The value of a flag, the last one's."""
        return self.flags[name][-1] if name in self.flags else None

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of a flag."""
        return self.flags.get(name, ())

    def number(self, name: str, highest: int) -> int:
        """The value of a flag as a number from 0 on; 0 without it.

        Raises:
            UsageInvalid: it is none.
        """
        text = self.text(name) or "0"
        if not text.isdecimal() or int(text) > highest:
            raise UsageInvalid(f"--{name}: expected a number from 0 to {highest}")
        return int(text)


def read(flags: tuple[Flag, ...], words: Sequence[str], *, stop_at_operand: bool) -> Given:
    """Take flags and operands apart.

    Args:
        flags: those that there are.
        words: the command line.
        stop_at_operand: whether flags behind the first operand are somebody else's.

    Raises:
        UsageInvalid: a flag is unknown, or lacks its value.
    """
    named = {f"--{flag.name}": flag for flag in flags} | {f"-{flag.short}": flag for flag in flags if flag.short}
    found: dict[str, tuple[str, ...]] = {}
    operands: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--" or (operands and stop_at_operand) or not word.startswith("-") or word == "-":
            operands += [word] if word != "--" or (operands and stop_at_operand) else []
            if word == "--" or stop_at_operand:
                return Given(found, (*operands, *rest))
            continue
        name, separator, value = word.partition("=")
        flag = named.get(name if name.startswith("--") or len(name) == 2 else f"-{name}")
        if flag is None:
            raise UsageInvalid(f"flag {name} is not one of this command")
        value = _value(flag, value if separator else None, rest)
        if value != "false":
            found[flag.name] = (*found.get(flag.name, ()), value) if flag.many else (value,)
    return Given(found, tuple(operands))


def _value(flag: Flag, given: str | None, rest: list[str]) -> str:
    if flag.value:
        if given is not None:
            return given
        if rest:
            return rest.pop(0)
        raise UsageInvalid(f"flag --{flag.name} needs a value")
    # Engines also write --flag=true and --flag=false.
    if given not in {None, "true", "false"}:
        raise UsageInvalid(f"flag --{flag.name} takes no value")
    return given or ""
