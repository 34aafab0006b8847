"""What the operating system refuses, in the words of the storage contract."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from storage_backends.errors import StorageError, StorageFull, StorageReadOnly, StorageUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}


@contextmanager
def translated(absent: StorageError | None = None) -> Iterator[None]:
    """Let an OSError leave as the StorageError that it means; `absent` is what a file that is not there means."""
    try:
        yield
    except OSError as error:
        if error.errno in _ABSENT and absent is not None:
            raise absent from error
        if error.errno in _FULL:
            raise StorageFull(error) from error
        if error.errno == errno.EROFS:
            raise StorageReadOnly(error) from error
        raise StorageUnavailable(error) from error
