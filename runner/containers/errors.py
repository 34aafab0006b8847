"""Why a container is not what it should be.

ContainerError (a RunnerError)
└── SettingsInvalid(reason)  what a container's directory says of it cannot be read
"""

from __future__ import annotations

from oci_spec.errors import quoted
from runner.errors import RunnerError


class ContainerError(RunnerError):
    """Something was not done with a container."""


class SettingsInvalid(ContainerError):
    """The document is not what describes a container, or of another version of this program."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the container's settings cannot be read: {quoted(self.reason)}"
