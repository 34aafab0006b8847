"""What the command line prints of itself."""

from __future__ import annotations

import sys

from runner.oci.command import COMMANDS, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Command
    from runner.oci.options import Flag

_WIDTH = 28


def show_commands(flags: tuple[Flag, ...]) -> int:
    """Print all commands and the flags before them."""
    lines = ["usage: runner-oci [flags] <command> [arguments]", "", "commands:"]
    lines += [f"  {name:{_WIDTH}}{load(name).summary}" for name in COMMANDS]
    lines += ["", "flags:", *map(_flag_line, flags)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def show_command(name: str, command: Command) -> int:
    """Print what a command takes."""
    lines = [f"usage: runner-oci {name} [flags] {command.operands}".rstrip(), "", command.summary]
    if command.flags:
        lines += ["", "flags:", *map(_flag_line, command.flags)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _flag_line(flag: Flag) -> str:
    names = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
    return f"  {f'{names} {flag.value}'.rstrip():{_WIDTH}}{flag.help}"
