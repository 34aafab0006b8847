"""Why a cgroup is not what it should be.

CgroupError (a RunnerError)
├── CgroupPathInvalid(path, reason)        a cgroupsPath that is no path beneath a hierarchy's root
├── CgroupResourcesInvalid(reason)         linux.resources is not what the runtime specification says
├── CgroupControllerMissing(name, reason)  the host has not got the controller, or not this part of it
├── CgroupSettingUnsupported(name, reason) a setting that this version of cgroups does not have
├── CgroupExists(path)                     somebody made a cgroup of this path before
└── CgroupFailed(path, cause)              the kernel did not take a change
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError, reason


class CgroupError(RunnerError):
    """A cgroup was not made, changed or removed."""


class CgroupPathInvalid(CgroupError):
    """The text is no path beneath the root of a hierarchy."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid cgroup path {quoted(self.path)}: {self.reason}"


class CgroupResourcesInvalid(CgroupError):
    """The document is not what the runtime specification calls linux.resources."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid linux.resources: {reason(self.reason)}"


class CgroupControllerMissing(CgroupError):
    """The host has not got the controller, or not the part of it that is asked for."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"cgroup controller {quoted(self.name)} is missing: {self.reason}"


class CgroupSettingUnsupported(CgroupError):
    """The setting is known, but this host's version of cgroups has nothing that would do it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name} cannot be set: {self.reason}"


class CgroupExists(CgroupError):
    """There is a cgroup of this path already; what it limits is not known."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"cgroup {quoted(self.path)} exists already"


class CgroupFailed(CgroupError):
    """The kernel did not take a change of a cgroup."""

    def __init__(self, path: str, cause: OSError) -> None:
        super().__init__(path, cause)
        self.path = path
        self.cause = cause

    def __str__(self) -> str:
        return f"cgroup {quoted(self.path)}: {self.cause.strerror or type(self.cause).__name__}"
