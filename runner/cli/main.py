"""The `runner` command: finds the command that is meant, and hands over to its module.

On the way of every start, so nothing is loaded that the chosen command may not need.
"""

from __future__ import annotations

import sys

from runner.cli.errors import CommandError, UsageError
from runner.errors import RunnerError, told
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cli.flags import Command
    from runner.cli.parsing import Arguments

_INTERRUPTED = 130


class Places(Record):
    """Where everything is: `root` lasts, `state` goes when the machine stops. `explain`: whether each step is told."""

    root: str = "/var/lib/moorage-runner"
    state: str = "/run/moorage-runner"
    explain: bool = False


def main(words: list[str] | None = None) -> int:
    """Run one command; the status to end with."""
    try:
        return _run(sys.argv[1:] if words is None else words)
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.status
    except _refusals() as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Who read the output has seen enough. What is left in the buffer has nowhere to go.
        sys.stderr.close()
        return 1
    except OSError as error:
        print(f"Error: {told(error)}", file=sys.stderr)
        return 1


def _refusals() -> tuple[type[Exception], ...]:
    """The errors that are told in their own words."""
    # Only here: few commands fail, and all would make these classes.
    from oci_spec.errors import OciSpecError

    return RunnerError, OciSpecError


def _run(words: list[str]) -> int:
    places, words = _globals(words)
    if len(words) > 1 and words[0] == "help":
        words = [*words[1:], "--help"]
    if not words or words[0] in {"-h", "--help", "help"}:
        from runner.cli.helping import overview

        print(overview(), end="")
        return 0
    if words[0] in {"-v", "--version"}:
        from importlib.metadata import version

        print(f"Moorage runner version {version('moorage')}")
        return 0
    if words[0] != "run":
        return _find_and_do(words, places)
    # First of all: it loads what it needs while this process does the same.
    from runner.containers import spawning

    spawning.begin_ahead()
    try:
        return _find_and_do(words, places)
    finally:
        spawning.dismiss_ahead()


def _find_and_do(words: list[str], places: Places) -> int:
    found = _find(words)
    if found is None:
        return _help_group(words)
    from runner.cli.parsing import parse

    command, rest = found
    if places.explain and command.name != "run":
        raise UsageError("runner", "--explain tells the steps of 'runner run', and of no other command")
    return _do(parse(command, rest), places)


def _find(words: list[str]) -> tuple[Command, list[str]] | None:
    if words[0] == "exec":
        # Without the table of all, as it says.
        from runner.cli.commands.exec import EXEC

        return EXEC, words[1:]
    from runner.cli import table

    return table.find(words)


def _help_group(words: list[str]) -> int:
    """Show the commands of a group, if that is what the words name."""
    from runner.cli.helping import group

    text = group(words[0])
    if text is None or (words[1:] and words[1] not in {"-h", "--help"}):
        name = " ".join(words[: 1 if text is None else 2])
        raise UsageError("runner", f"runner: unknown command: runner {name}", status=1)
    print(text, end="")
    return 0


def _do(arguments: Arguments, places: Places) -> int:
    if arguments.flag("help"):
        from runner.cli.helping import of

        print(of(arguments.command), end="")
        return 0
    status: int = __import__(arguments.command.module, fromlist=["run"]).run(arguments, places)
    sys.stdout.flush()
    return status


def _globals(words: list[str]) -> tuple[Places, list[str]]:
    """The flags before the command, and what follows them."""
    places = Places()
    while words and words[0].startswith("--"):
        name, equals, value = words[0][2:].partition("=")
        if words[0] == "--explain":
            places, words = places._replace(explain=True), words[1:]
            continue
        if name not in {"root", "state"}:
            break
        if not equals:
            if len(words) == 1:
                raise UsageError("runner", f"flag needs an argument: --{name}")
            value, words = words[1], words[1:]
        places = places._replace(root=value) if name == "root" else places._replace(state=value)
        words = words[1:]
    if words and words[0].startswith("-") and words[0] not in {"-h", "--help", "-v", "--version"}:
        raise UsageError("runner", f"unknown flag: {words[0]}")
    return places, words


if __name__ == "__main__":
    sys.exit(main())
