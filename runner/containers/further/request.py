"""What `exec` asks of a container's monitor, which forks a process for it, and what that process answers.

client   order      →    what to execute, as JSON in a file, and the program's standard streams: four descriptors
process  warning    ←    something that was asked for had to be left out
started    ←    it is about to; with a descriptor of this process (pidfd_open(2)), which passes signals on
failed     ←    it was not executed: the exit status for the command line, and what to tell the user
ended      ←    its exit status; where nobody waits for it, 0 as soon as it is executed
"""

from __future__ import annotations

from runner.bundles.program import Program
from runner.records import Record


class Request(Record):
    """A program, and what it has to do with whoever asks."""

    program: Program
    detached: bool
    """Whether nobody waits for its end."""
    console: str | None = None
    """The socket that is sent its terminal, if it has one."""
    rows: int | None = None
    columns: int | None = None
    """How large that is."""
