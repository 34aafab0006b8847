"""The command `runner-oci`: flags that stand before the command, the command, and its end."""

from __future__ import annotations

import sys

from runner.errors import RunnerError, told
from runner.oci import protection
from runner.oci.command import SPECIFICATION, VERSION, Context, load
from runner.oci.errors import UsageInvalid
from runner.oci.log import Log
from runner.oci.options import Flag, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.oci.options import Given

GLOBAL_FLAGS = (
    Flag("root", "where the state of containers is kept", "DIRECTORY"),
    Flag("log", "the file that messages go to; stderr without it", "FILE"),
    Flag("log-format", "text or json", "FORMAT"),
    Flag("debug", "tell what is done"),
    Flag("cgroup-manager", "cgroupfs, the only one that is built", "NAME"),
    Flag("systemd-cgroup", "have systemd make cgroups: refused, it is not built"),
    Flag("rootless", "auto or false", "WHEN"),
    Flag("version", "print the version and that of the runtime specification", short="v"),
    Flag("help", "print this", short="h"),
)
_DEFAULT_ROOT = "/run/moorage-runner/oci"

_REFUSED, _USAGE = 1, 2


def main(words: Sequence[str] | None = None) -> int:
    """Carry out a command line; without one given, that of this process. The answer is the exit status."""
    log = Log(None, "text", debug=False)
    try:
        given = read(GLOBAL_FLAGS, sys.argv[1:] if words is None else words, stop_at_operand=True)
        log = Log(given.text("log"), given.text("log-format") or "text", debug=given.has("debug"))
        return _dispatch(given, log)
    except UsageInvalid as error:
        log.error(str(error))
        return _USAGE
    except RunnerError as error:
        log.error(str(error))
        return _REFUSED
    except OSError as error:
        log.error(told(error))
        return _REFUSED


def _dispatch(given: Given, log: Log) -> int:
    if given.has("version"):
        sys.stdout.write(f"runner-oci version {VERSION}\nspec: {SPECIFICATION}\n")
        return 0
    if given.has("help") or not given.operands:
        from runner.oci.help import show_commands

        return show_commands(GLOBAL_FLAGS)
    if given.has("systemd-cgroup") or given.text("cgroup-manager") not in {None, "cgroupfs"}:
        raise UsageInvalid("--systemd-cgroup: systemd's cgroups are not built into this runtime")
    name, *words = given.operands
    if name in protection.NEEDED_BY:
        # Before anything else is loaded: it may mean to begin anew.
        protection.ensure()
    command = load(name)
    if {"-h", "--help"} & set(words[:1]):
        from runner.oci.help import show_command

        return show_command(name, command)
    root = (given.text("root") or _DEFAULT_ROOT).rstrip("/")
    return command.run(read(command.flags, words, stop_at_operand=command.stop_at_operand), Context(root, log))
