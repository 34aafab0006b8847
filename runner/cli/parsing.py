"""Parsing a command line from the table of flags, by the rules of the library that docker's command line uses.

`--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-abc` for several that take none, `--flag=false`, and `--`
before what are no flags. (spf13/pflag, "Command line flag syntax")
"""

from __future__ import annotations

from runner.cli.errors import UsageError
from runner.cli.flags import BOOL, NUMBER, TEXTS, Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    _Value = bool | str | int | list[str] | None

_HELP = Flag("help", "Show this text", BOOL, "h")
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


class Arguments:
    """What a command was called with: flags by their long names, and the rest as `words`."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.words: list[str] = []
        self._values: dict[str, _Value] = {}
        self._defaults = {flag.name: flag.default for flag in command.flags}

    def set(self, name: str, value: _Value) -> None:
        """Note a flag; one that may come several times adds to what was given before."""
        before = self._values.get(name)
        if isinstance(value, list) and isinstance(before, list):
            value = before + value
        self._values[name] = value

    def given(self, name: str) -> bool:
        """Whether the flag stands on the command line."""
        return name in self._values

    def flag(self, name: str) -> bool:
        """A flag without a value."""
        return bool(self._values.get(name, self._defaults.get(name)))

    def text(self, name: str) -> str | None:
        """A flag's value; None where neither command line nor table gives one."""
        value = self._values.get(name, self._defaults.get(name))
        return None if value is None else str(value)

    def texts(self, name: str) -> list[str]:
        """All values of a flag that may come several times."""
        value = self._values.get(name)
        return value if isinstance(value, list) else []

    def number(self, name: str) -> int | None:
        """A flag's number."""
        value = self._values.get(name, self._defaults.get(name))
        return value if isinstance(value, int) else None


def parse(command: Command, words: Sequence[str]) -> Arguments:
    """What the words after a command's name say.

    Raises:
        UsageError: they say nothing that the command can do.
    """
    arguments = Arguments(command)
    rest = iter(words)
    for word in rest:
        if word == "--":
            arguments.words += rest
        elif word.startswith("--"):
            _take_long(arguments, word, rest)
        elif word.startswith("-") and word != "-":
            _take_short(arguments, word, rest)
        else:
            arguments.words.append(word)
            if not command.interspersed:
                arguments.words += rest
    if not arguments.flag("help"):
        _check_count(arguments)
    return arguments


def invalid(arguments: Arguments, name: str, value: str, reason: str) -> UsageError:
    """The error that says why a flag, by its long name, does not take a value."""
    flag = _known(arguments.command)[name]
    shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
    return UsageError(arguments.command.words(), f"invalid argument {value!r} for {shown!r} flag: {reason}")


def _take_long(arguments: Arguments, word: str, rest: Iterator[str]) -> None:
    name, equals, value = word[2:].partition("=")
    flag = _known(arguments.command).get(name)
    if flag is None:
        raise _unknown(arguments.command, name)
    if equals:
        _note(arguments, flag, value)
    elif flag.kind == BOOL:
        arguments.set(flag.name, True)
    else:
        _note(arguments, flag, _next(arguments, rest, f"--{name}"))


def _take_short(arguments: Arguments, word: str, rest: Iterator[str]) -> None:
    shorts = {flag.short: flag for flag in _known(arguments.command).values() if flag.short}
    at = 1
    while at < len(word):
        flag = shorts.get(word[at])
        if flag is None:
            raise UsageError(arguments.command.words(), f"unknown shorthand flag: {word[at]!r} in {word}")
        at += 1
        if flag.kind == BOOL and not word.startswith("=", at):
            arguments.set(flag.name, True)
            continue
        value = word[at:].removeprefix("=") if at < len(word) else _next(arguments, rest, f"{flag.short!r} in {word}")
        _note(arguments, flag, value)
        return


def _next(arguments: Arguments, rest: Iterator[str], shown: str) -> str:
    for value in rest:
        return value
    raise UsageError(arguments.command.words(), f"flag needs an argument: {shown}")


def _note(arguments: Arguments, flag: Flag, value: str) -> None:
    if flag.kind == TEXTS:
        arguments.set(flag.name, [value])
    elif flag.kind == BOOL:
        if value not in _TRUE + _FALSE:
            raise invalid(arguments, flag.name, value, "expected true or false")
        arguments.set(flag.name, value in _TRUE)
    elif flag.kind == NUMBER:
        if not value.removeprefix("-").isdecimal():
            raise invalid(arguments, flag.name, value, "expected a whole number")
        arguments.set(flag.name, int(value))
    else:
        arguments.set(flag.name, value)


def _known(command: Command) -> dict[str, Flag]:
    return {name: flag for flag in (_HELP, *command.flags) for name in (flag.name, *flag.aliases)}


def _unknown(command: Command, name: str) -> UsageError:
    if name in command.unbuilt:
        return UsageError(command.words(), f"--{name} is a flag of docker's that runner has not got")
    return UsageError(command.words(), f"unknown flag: --{name}")


def _check_count(arguments: Arguments) -> None:
    command, count = arguments.command, len(arguments.words)
    if command.least <= count and (command.most is None or count <= command.most):
        return
    if command.least == command.most:
        needs = f"requires {command.least} argument{'' if command.least == 1 else 's'}"
    elif command.most is None:
        needs = f"requires at least {command.least} argument{'' if command.least == 1 else 's'}"
    elif command.least == 0:
        needs = f"requires at most {command.most} argument{'' if command.most == 1 else 's'}"
    else:
        needs = f"requires at least {command.least} and at most {command.most} arguments"
    if command.most == 0:
        needs = "accepts no arguments"
    message = f"runner: '{command.words()}' {needs}\n\nUsage:  {command.words()} {command.usage}".rstrip()
    raise UsageError(command.words(), message, status=1)
