"""What a blob store refuses or cannot do.

    StorageError
    ├── BlobNotFound         no blob is stored under this key
    ├── ObjectNotFound       no index object bears this name
    ├── ObjectNameInvalid    a key or name that this store never gave out or will not take
    ├── UploadBusy           another session holds this upload
    ├── UploadLost           bytes that an upload's state vouches for are gone
    ├── AppendInterrupted    the source of an append's bytes failed; what arrived before is kept
    ├── HashStateUnusable    an exported hash state is damaged, or cannot be used in this process
    ├── DigestMismatch       content has another digest than it was to be kept under
    ├── SourceUnreadable     a registry's data that is taken over cannot be read in one place
    ├── LayoutOccupied       a layout cannot be written to a place, for what is there already
    ├── StorageFull          no space or quota is left
    ├── StorageReadOnly      the storage takes no writes
    └── StorageUnavailable   the storage failed in another way: a broken disk, a lost mount, missing rights

Errors carry values; `cause` is the operating system's or the driver's own error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_spec.digest import Digest

if TYPE_CHECKING:
    from pathlib import Path

    from storage_backends.contract import UploadState


class StorageError(Exception):
    """A blob store refused, or could not do what it was asked."""


class BlobNotFound(StorageError):
    """No blob is stored under `key`."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class ObjectNotFound(StorageError):
    """No index object bears `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class ObjectNameInvalid(StorageError):
    """`name` is no key that this store gave out, or no name that an index object may bear."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class UploadBusy(StorageError):
    """Another session, in this process or any other, holds the upload `key`."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class UploadLost(StorageError):
    """Fewer bytes are stored for the upload `key` than its state vouches for: it cannot go on."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class AppendInterrupted(StorageError):
    """The iterator that gave an append its bytes raised; what it raised is this error's `__cause__`.

    The bytes that came before are stored: an upload may go on from `state`.
    """

    def __init__(self, state: UploadState) -> None:
        super().__init__(state.key, state.offset)
        self.state = state


class HashStateUnusable(StorageError):
    """A hash cannot go on from an exported state, for `reason`: the content must be read again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DigestMismatch(StorageError):
    """Content has the digest `actual`, and was to be kept as `expected`."""

    def __init__(self, expected: Digest, actual: Digest) -> None:
        super().__init__(str(expected), str(actual))
        self.expected = expected
        self.actual = actual


class SourceUnreadable(StorageError):
    """What stands at `path` of another registry's data cannot be read; `cause` is the reason."""

    def __init__(self, path: str, cause: Exception) -> None:
        super().__init__(f"{path}: {cause}")
        self.path = path
        self.cause = cause


class LayoutOccupied(StorageError):
    """No layout can be written to `path`, for `reason`."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class StorageFull(StorageError):
    """No space, or none of this user's quota, is left."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class StorageReadOnly(StorageError):
    """The storage takes no writes."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class StorageUnavailable(StorageError):
    """The storage failed in a way that no caller can mend."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause
