"""Why the system calls of a container cannot be filtered as was asked.

SeccompError (a RunnerError)
├── SeccompProfileInvalid(place, reason)       the profile is not what the specification says
├── SeccompUnsupported(feature)                the profile asks for what this runtime does not do
├── SeccompArchitectureUnsupported(machine)    the system calls of this machine are not known
├── SeccompProgramTooLong(length, limit)       more rules than the kernel takes
└── SeccompNotLoaded(reason, cause)            the kernel did not take the filter

Errors carry values; names come from the profile and are shown escaped and cut, so every message is one printable line.
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError


class SeccompError(RunnerError):
    """System calls cannot be filtered as was asked."""


class SeccompProfileInvalid(SeccompError):
    """The profile is not what the specification says (runtime-spec, "Linux Seccomp")."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class SeccompUnsupported(SeccompError):
    """The profile asks for a feature of the specification that is not built, or not known."""

    def __init__(self, feature: str) -> None:
        super().__init__(feature)
        self.feature = feature

    def __str__(self) -> str:
        return f"seccomp: {quoted(self.feature)} is not supported"


class SeccompArchitectureUnsupported(SeccompError):
    """There is no table of this machine's system calls."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return f"seccomp: the system calls of {quoted(self.machine)} are not known"


class SeccompProgramTooLong(SeccompError):
    """The compiled filter is longer than what the kernel takes."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(length, limit)
        self.length = length
        self.limit = limit

    def __str__(self) -> str:
        return f"seccomp: the filter takes {self.length} instructions, and the kernel at most {self.limit}"


class SeccompNotLoaded(SeccompError):
    """The kernel did not take the filter."""

    def __init__(self, reason: str, cause: OSError) -> None:
        super().__init__(reason, cause)
        self.reason = reason
        self.cause = cause

    def __str__(self) -> str:
        return f"seccomp: {self.reason} ({self.cause.strerror or type(self.cause).__name__})"
