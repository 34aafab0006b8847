"""OCI runtimes as programs that are executed: their command lines, and what they say of a failure."""

from __future__ import annotations

import os

from runner.json_text import JsonInvalid, decode
from runner.oci import protection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders


def command(folders: Folders, runtime: str | None) -> tuple[str, list[str]]:
    """The program of the runtime of this name or path, and what its command line begins with.

    The runner's own is executed from a file that nobody can write to, by a descriptor that stays open here.
    """
    if runtime is not None:
        return runtime, [runtime, "--root", folder(folders, runtime)]
    launcher = f"{os.path.dirname(protection.__file__)}/launch.py"
    words = protection.command(launcher, "--root", folders.runtime)
    return f"/proc/self/fd/{protection.open_interpreter()}", words


def folder(folders: Folders, command: str) -> str:
    """Where another one keeps its state, which has a form of its own."""
    return f"{folders.state}/runtimes/{os.path.basename(command)}"


def last_error(log: str) -> str:
    """What the last line of a runtime's log says, for that is the reason of its end."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        try:
            entry = decode(line)
        except JsonInvalid:
            continue
        if isinstance(entry, dict) and entry.get("level") in {"error", "fatal"}:
            return str(entry.get("msg"))
    return ""
