"""Records in files: written whole or not at all, as far as processes can end."""

from __future__ import annotations

import errno
import os

from oci_spec.json_fields import FieldInvalid
from runner import record_json, text_files
from runner.containers.errors import RecordInvalid
from runner.json_text import JsonInvalid, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Kind = TypeVar("Kind")


def write(path: str, record: object) -> None:
    """Put a record into a file, in place of what it held.

    Raises:
        OSError: it cannot be; on a full disk, only where the file was not there.
    """
    text = encode(record_json.document(record))
    hidden = f"{path}.{os.getpid()}"
    try:
        text_files.write(hidden, text, 0o600)
    except OSError as error:
        if os.path.exists(hidden):
            os.unlink(hidden)
        if error.errno not in {errno.ENOSPC, errno.EDQUOT} or not os.path.exists(path):
            raise
        _write_over(path, text.encode())
    else:
        os.rename(hidden, path)


def _write_over(path: str, content: bytes) -> None:
    """Write where the file has its room already. All at once: who reads it meanwhile, or is left it, has a record."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        # Blanks behind it say nothing.
        os.pwrite(descriptor, content.ljust(os.fstat(descriptor).st_size), 0)
    finally:
        os.close(descriptor)


def write_durably(path: str, record: object) -> None:
    """The same, and on the disk when it comes back, but for the file's name."""
    write(path, record)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: str, kind: type[Kind]) -> Kind | None:
    """The record of this kind that a file holds; None where there is no file.

    Raises:
        RecordInvalid: it holds something else.
    """
    try:
        return record_json.record(kind, decode(text_files.read(path)))
    except FileNotFoundError:
        return None
    except (JsonInvalid, FieldInvalid) as error:
        raise RecordInvalid(path, str(error)) from error
