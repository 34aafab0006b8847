"""What the OCI runtime refuses or cannot do.

OciError (a RunnerError)
├── UsageInvalid(reason)                        the command line is not one that the runtime takes
├── BundleInvalid(reason)                       config.json is not what the runtime specification says
├── FeatureMissing(name, reason)                the configuration asks for what this runtime or this host has not got
├── ContainerIdInvalid(id)                      the text is no name of a container
├── ContainerExists(id)
├── ContainerUnknown(id)
├── ContainerStateWrong(id, status, operation)  the operation is not for a container in this state
├── CallFailed(call, about, cause)              a system call failed
├── HookFailed(point, path, reason)
├── ProgramNotFound(name)                       the program to execute is not in the container
└── SetupFailed(reason)                         the container's first process said what stopped it

Errors carry values; texts of the bundle are shown escaped and cut, so every message is one printable line.
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError

_REASON_CHARACTERS = 600


class OciError(RunnerError):
    """The root of the runtime's errors."""


class UsageInvalid(OciError):
    """The command line is not one that the runtime takes."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _line(self.reason)


class BundleInvalid(OciError):
    """config.json is missing, or is not what the runtime specification says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"config.json: {_line(self.reason)}"


class FeatureMissing(OciError):
    """The configuration is valid, but asks for what this runtime has not built, or this host has not got."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{_line(self.name)} cannot be had: {_line(self.reason)}"


class ContainerIdInvalid(OciError):
    """The text is no name of a container."""

    def __init__(self, container: str) -> None:
        super().__init__(container)
        self.container = container

    def __str__(self) -> str:
        return f"invalid container ID {quoted(self.container)}"


class ContainerExists(OciError):
    """A container of this name is there already."""

    def __init__(self, container: str) -> None:
        super().__init__(container)
        self.container = container

    def __str__(self) -> str:
        return f"container {quoted(self.container)} exists already"


class ContainerUnknown(OciError):
    """There is no container of this name. Engines look for the words "does not exist"."""

    def __init__(self, container: str) -> None:
        super().__init__(container)
        self.container = container

    def __str__(self) -> str:
        return f"container {quoted(self.container)} does not exist"


class ContainerStateWrong(OciError):
    """The operation is not for a container in this state."""

    def __init__(self, container: str, status: str, operation: str) -> None:
        super().__init__(container, status, operation)
        self.container = container
        self.status = status
        self.operation = operation

    def __str__(self) -> str:
        # containerd and podman know by these words that a signal has come too late.
        reason = "container not running" if self.operation == "kill" else f"it is {self.status}"
        return f"cannot {self.operation} container {quoted(self.container)}: {reason}"


class CallFailed(OciError):
    """A system call failed."""

    def __init__(self, call: str, about: str, cause: OSError) -> None:
        super().__init__(call, about, cause)
        self.call = call
        self.about = about
        self.cause = cause

    def __str__(self) -> str:
        about = f" {quoted(self.about)}" if self.about else ""
        return f"{self.call}{about}: {_line(self.cause.strerror or type(self.cause).__name__)}"


class HookFailed(OciError):
    """A hook failed or took too long."""

    def __init__(self, point: str, path: str, reason: str) -> None:
        super().__init__(point, path, reason)
        self.point = point
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.point} hook {quoted(self.path)}: {_line(self.reason)}"


class ProgramNotFound(OciError):
    """The program to execute is not in the container, or may not be executed. Engines look for these words."""

    def __init__(self, name: str, cause: OSError) -> None:
        super().__init__(name, cause)
        self.name = name
        self.cause = cause

    def __str__(self) -> str:
        if "/" not in self.name and isinstance(self.cause, FileNotFoundError):
            return f"exec: {quoted(self.name)}: executable file not found in $PATH"
        reason = (self.cause.strerror or type(self.cause).__name__).lower()
        return f"exec: {quoted(self.name)}: {_line(reason)}"


class SetupFailed(OciError):
    """The container's first process, or that of an `exec`, said what stopped it, or ended without a word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return _line(self.reason)


def _line(text: str) -> str:
    return text if text.isprintable() and len(text) <= _REASON_CHARACTERS else quoted(text)
