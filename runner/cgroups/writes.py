"""What is to be written into the files of a cgroup: the value that the plans of both versions give."""

from __future__ import annotations

from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Current = Callable[[str, str], str | None]
    """What a file of a controller holds now, without the line's end; None where there is no such file. A plan asks it
    for the file's neighbours: which order the kernel takes depends on them, and which of two names it has."""

UNLIMITED_V1 = 2**63 - 4096
"""What version 1 reads back, or nearly, where memory has no limit."""


class Write(Record):
    """One text for one file. Order matters between the writes of a plan."""

    controller: str
    """Under version 1's name."""
    file: str
    text: str
    option: str | None = None
    """What the kernel must be built or started with to have the file, where it can have the controller without it."""
    optional: bool = False
    """Whether a kernel without the file needs no such write."""
