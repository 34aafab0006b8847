"""Why a container was not started, or a program not executed, as an exit status: docker's, which scripts look at."""

from __future__ import annotations

from runner.containers.errors import RuntimeFailed
from runner.errors import RunnerError, told
from runner.oci.errors import OciError

NOT_DONE = 1
"""The container is in no state for it."""

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


def of(error: BaseException) -> tuple[int, str]:
    """The status for whatever has kept a container from being started, and how to tell it."""
    if isinstance(error, OSError):
        return REFUSED, told(error)
    if not isinstance(error, RunnerError):
        return REFUSED, f"{type(error).__name__}: {error}"
    if isinstance(error, OciError | RuntimeFailed):
        # Only a runtime's words tell of the program.
        return status_of(str(error)), str(error)
    # Only here, as the monitors that start something do without it.
    from runner.bundles.errors import DeviceMissing

    # Docker's command line takes a missing device for a program that is missing.
    return NOT_FOUND if isinstance(error, DeviceMissing) else REFUSED, str(error)


def status_of(text: str) -> int:
    """The status, by the words of a runtime: they all use these."""
    lowered = text.lower()
    if "exec" not in lowered:
        return REFUSED
    return next((status for status, words in _WORDS if any(word in lowered for word in words)), REFUSED)


def of_further(text: str) -> int:
    """The same for a further program. Whatever else it is that is not there, such as its directory, is no 127."""
    lowered = text.lower()
    if "cannot exec in" in lowered:
        return NOT_DONE
    is_missing = "chdir" not in lowered and status_of(f"exec: {text}") == NOT_FOUND
    return NOT_FOUND if is_missing else CANNOT_EXECUTE
