"""Why a container was not started, as an exit status: docker's numbers, which scripts look at."""

from __future__ import annotations

REFUSED = 125
"""The runner did not do it."""

CANNOT_EXECUTE = 126
"""The program is there, but cannot be executed."""

NOT_FOUND = 127
"""There is no such program."""

_WORDS = (
    (NOT_FOUND, ("executable file not found", "no such file or directory")),
    (CANNOT_EXECUTE, ("permission denied", "is a directory", "not a directory", "exec format error")),
)


def status_of(text: str) -> int:
    """The status, by the words of a runtime: they all use these."""
    lowered = text.lower()
    if "exec" not in lowered:
        return REFUSED
    return next((status for status, words in _WORDS if any(word in lowered for word in words)), REFUSED)
