"""What an image store refuses or has not got.

StoreError
├── BlobMissing(digest)          content that an image is made of is gone
├── BlobDamaged(digest)          the disk gives other bytes than were written
├── IndexInvalid(path, reason)   the list of images cannot be read
├── ImageUnknown(name)           no image is called so
├── ImageAmbiguous(prefix)       several images' ids begin so
├── ImageInUse(name, reason)     an image that must not be removed as it was asked for
└── ImageHeld(reason)            an image that a container was made of
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.digest import Digest


class StoreError(RunnerError):
    """The store has not got something, or will not do it."""


class BlobMissing(StoreError):
    """Content that an image is made of is not in the store."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(digest)
        self.digest = digest

    def __str__(self) -> str:
        return f"{self.digest} is missing from the store; pull the image again"


class BlobDamaged(StoreError):
    """The disk gives other bytes than those of the digest."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(digest)
        self.digest = digest

    def __str__(self) -> str:
        return f"{self.digest} is damaged in the store; remove the image and pull it again"


class IndexInvalid(StoreError):
    """The list of images is none, or of another version of this program."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{quoted(self.path)} cannot be read: {quoted(self.reason)}"


class ImageUnknown(StoreError):
    """No image in the store is called so."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"No such image: {self.name if self.name.isprintable() and len(self.name) < 300 else quoted(self.name)}"


class ImageAmbiguous(StoreError):
    """The ids of several images begin with what was given."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.prefix = prefix

    def __str__(self) -> str:
        return f"Multiple IDs found with provided prefix: {quoted(self.prefix)}"


class ImageInUse(StoreError):
    """The image must not be removed in the way it was asked for."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"unable to delete {quoted(self.name)}: {self.reason}"


class ImageHeld(StoreError):
    """A container was made of the image; the reason is docker's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"conflict: {self.reason}"
