"""What `--help` shows, made from the table of commands."""

from __future__ import annotations

from collections.abc import Iterable

from runner.cli.flags import BOOL, Command, Flag
from runner.cli.table import COMMANDS

_WIDTH = 25

GLOBAL_FLAGS = (
    Flag("explain", "Tell each step of 'runner run'"),
    Flag("root", "Directory of images and containers", "string", default="/var/lib/moorage-runner"),
    Flag("state", "Directory of what lasts until the machine stops", "string", default="/run/moorage-runner"),
    Flag("version", "Print version information and quit", short="v"),
)
"""Flags that stand before the command."""


def overview() -> str:
    """All commands, each with what it does."""
    commands = "\n".join(f"  {command.name:<17}{command.summary}" for command in COMMANDS)
    return (
        "Usage:  runner [OPTIONS] COMMAND\n\nPull images and run them in containers, without a daemon\n\n"
        f"Commands:\n{commands}\n\nGlobal Options:\n{_options(GLOBAL_FLAGS)}\n"
        "Run 'runner COMMAND --help' for more information on a command.\n"
    )


def group(word: str) -> str | None:
    """The commands whose names, or other names, begin with this word, such as `image`; None where there are none."""
    named = [
        (name.removeprefix(f"{word} "), command.summary)
        for command in COMMANDS
        for name in (command.name, *command.aliases)
        if name.startswith(f"{word} ")
    ]
    if not named:
        return None
    commands = "".join(f"  {name:<12}{summary}\n" for name, summary in sorted(named))
    return f"Usage:  runner {word} COMMAND\n\nCommands:\n{commands}"


def of(command: Command) -> str:
    """One command: how it is called, what it does, and its flags."""
    text = f"Usage:  {command.words()} {command.usage}".rstrip() + f"\n\n{command.summary}\n"
    if command.aliases:
        text += f"\nAliases:\n  {', '.join(f'runner {name}' for name in (command.name, *command.aliases))}\n"
    if command.flags:
        text += f"\nOptions:\n{_options(command.flags)}"
    return text


def _options(flags: Iterable[Flag]) -> str:
    return "".join(map(_option, flags))


def _option(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else "    "
    name = f"{short}--{flag.name}{'' if flag.kind == BOOL else f' {flag.kind}'}"
    default = str(flag.default).lower() if flag.kind == BOOL else str(flag.default)
    told = "" if flag.default in {None, False} else f" (default {default})"
    return f"  {name:<{_WIDTH}} {flag.summary}{told}\n"
