"""`ps`: the processes of a container."""

from __future__ import annotations

import os
import sys

from runner.cgroups import group, hierarchies
from runner.json_text import encode
from runner.oci.command import Command
from runner.oci.containers import find
from runner.oci.errors import UsageInvalid
from runner.oci.options import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given

FLAGS = (Flag("format", "table, or json for the numbers alone", "FORMAT", short="f"),)


def _run(given: Given, context: Context) -> int:
    form = given.text("format") or "table"
    if form not in {"table", "json"}:
        raise UsageInvalid("--format: expected table or json")
    if not given.operands:
        raise UsageInvalid("expected a container ID")
    state = find(context.root, given.operands[0]).read_state()
    pids = sorted(group.find(hierarchies.detect(), state.cgroup).processes())
    if form == "json":
        sys.stdout.write(encode(pids) + "\n")
        return 0
    sys.stdout.write(f"{'PID':>8}  COMMAND\n")
    for pid in pids:
        sys.stdout.write(f"{pid:>8}  {_command(pid)}\n")
    return 0


def _command(pid: int) -> str:
    try:
        with os.fdopen(os.open(f"/proc/{pid}/cmdline", os.O_RDONLY | os.O_CLOEXEC), "rb") as file:
            words = file.read(4096).rstrip(b"\0").split(b"\0")
    except OSError:
        return "-"
    return " ".join(ascii(word.decode("utf-8", "backslashreplace"))[1:-1] for word in words)


COMMAND = Command("print the processes of a container", "<container>", FLAGS, _run, stop_at_operand=True)
