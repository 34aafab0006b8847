"""What `exec` asks of a container's monitor, which forks a process for it, and what that process answers.

    client   order      →    what to execute, as JSON in a file, and the program's standard streams: four descriptors
    process  warning    ←    something that was asked for had to be left out
             started    ←    it is about to be; with a descriptor of its process (pidfd_open(2)), for signals
             failed     ←    it was not executed: the exit status for the command line, and what to tell the user
    monitor  ended      ←    its exit status; where nobody waits for it, 0 as soon as it is executed

To the monitor, the process that is to become the program says one of the words below, before it can have ended. Their
channel closes when the program is executed.
"""

from __future__ import annotations

from runner.bundles.program import Program
from runner.records import Record

WAITED_FOR = b"w"
"""The client is to be told when it ends."""

LET_GO = b"l"
"""The client is to be told that it is executed."""


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
