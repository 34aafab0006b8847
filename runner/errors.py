"""What the runner refuses or cannot do.

Each room has its own errors, in a module of this name: all that a start loads of others' would be made for nothing.
They carry values; what of these comes from elsewhere is shown escaped and cut, so every message is one printable line.
"""

from __future__ import annotations

from oci_spec.quoting import quoted

_REASON_CHARACTERS = 300


class RunnerError(Exception):
    """The root of the runner's errors."""


def told(error: OSError) -> str:
    """An error of the system's in one line, the file that it is about before it."""
    # Only here: filters of system calls are compiled without it.
    import os

    about = f"{reason(os.fsdecode(error.filename))}: " if isinstance(error.filename, str | bytes) else ""
    return about + reason(error.strerror or str(error) or type(error).__name__)


def reason(text: str) -> str:
    """What is wrong; a text that holds a name from the document may have to be escaped and cut."""
    return text if text.isprintable() and len(text) <= _REASON_CHARACTERS else quoted(text)
