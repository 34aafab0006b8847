"""What the runner refuses or cannot do.

RunnerError
├── CgroupError
│   ├── CgroupPathInvalid(path, reason)        a cgroupsPath that is no path beneath a hierarchy's root
│   ├── CgroupResourcesInvalid(reason)         linux.resources is not what the runtime specification says
│   ├── CgroupControllerMissing(name, reason)  the host has not got the controller, or not this part of it
│   ├── CgroupSettingUnsupported(name, reason) a setting that this version of cgroups does not have
│   ├── CgroupExists(path)                     somebody made a cgroup of this path before
│   └── CgroupFailed(path, cause)              the kernel did not take a change
└── LayerError
    ├── LayerInvalid(reason)                   this is no tar archive, or not a whole one
    ├── LayerRefused(name, reason)             an entry that an honest layer does not hold
    ├── LayerTooLarge(what, limit)             one of the bounds of `runner.limits` is passed
    ├── LayerDigestMismatch(expected, found)   the bytes are not those that were asked for
    ├── LayerCompressionUnsupported(name)      compressed in a way that cannot be read here
    └── LayerEntryRefused(name, cause)         the system refused what an entry needs
        ├── LayerNotWritten(name, cause)       the disk or the system did not take an entry
        └── LayerNotRead(name, cause)          the disk or the system did not give what an entry is made of

Errors carry values; names come from the layer and are shown escaped and cut, so every message is one printable line.
"""

from __future__ import annotations

from oci_spec.errors import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.digest import Digest

_REASON_CHARACTERS = 300


class RunnerError(Exception):
    """The root of the runner's errors."""


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
        return f"invalid linux.resources: {_reason(self.reason)}"


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


class LayerError(RunnerError):
    """A layer was not unpacked."""


class LayerInvalid(LayerError):
    """The stream is no tar archive, or not a whole one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LayerRefused(LayerError):
    """The archive can be read, but holds an entry that must not be written."""

    def __init__(self, name: bytes, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{_shown(self.name)}: {self.reason}"


class LayerTooLarge(LayerError):
    """There is more of something than its limit allows."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(what, limit)
        self.what = what
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.what}: more than {self.limit}"


class LayerDigestMismatch(LayerError):
    """The stream had another digest, compressed or not, than was expected."""

    def __init__(self, expected: Digest, found: Digest) -> None:
        super().__init__(expected, found)
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"expected {self.expected}, found {self.found}"


class LayerCompressionUnsupported(LayerError):
    """The layer is compressed by a method that is known by name, but cannot be undone here."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"layers compressed with {self.name} cannot be read"


class LayerEntryRefused(LayerError):
    """The system refused what an entry needs."""

    def __init__(self, name: bytes, cause: OSError) -> None:
        super().__init__(name, cause)
        self.name = name
        self.cause = cause

    def __str__(self) -> str:
        return f"{_shown(self.name)}: {self.cause.strerror or type(self.cause).__name__}"


class LayerNotWritten(LayerEntryRefused):
    """The system refused to write an entry: a full disk, missing rights, a file system without what it needs."""


class LayerNotRead(LayerEntryRefused):
    """The system refused to read what an entry is made of: a damaged disk, missing rights."""


def told(error: OSError) -> str:
    """An error of the system's in one line, the file that it is about before it."""
    # Only here: filters of system calls are compiled without it.
    import os

    about = f"{_reason(os.fsdecode(error.filename))}: " if isinstance(error.filename, str | bytes) else ""
    return about + _reason(error.strerror or str(error) or type(error).__name__)


def _reason(text: str) -> str:
    """What is wrong; a text that holds a name from the document may have to be escaped and cut."""
    return text if text.isprintable() and len(text) <= _REASON_CHARACTERS else quoted(text)


def _shown(name: bytes) -> str:
    return quoted(name.decode("utf-8", "backslashreplace"))
