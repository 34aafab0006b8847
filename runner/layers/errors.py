"""Why a layer is not unpacked, or not written.

LayerError (a RunnerError)
├── LayerInvalid(reason)                   this is no tar archive, or not a whole one
├── LayerRefused(name, reason)             an entry that an honest layer does not hold
├── LayerTooLarge(what, limit)             one of the bounds of `runner.limits` is passed
├── LayerDigestMismatch(expected, found)   the bytes are not those that were asked for
├── LayerCompressionUnsupported(name)      compressed in a way that cannot be read here
└── LayerEntryRefused(name, cause)         the system refused what an entry needs
    ├── LayerNotWritten(name, cause)       the disk or the system did not take an entry
    └── LayerNotRead(name, cause)          the disk or the system did not give what an entry is made of

Names come from the layer and are shown escaped and cut, so every message is one printable line.
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.digest import Digest


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


def _shown(name: bytes) -> str:
    return quoted(name.decode("utf-8", "backslashreplace"))
