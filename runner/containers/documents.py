"""Records in files: written whole or not at all, as far as processes can end."""

from __future__ import annotations

import os

from oci_spec.json_fields import FieldInvalid
from runner import record_json
from runner.containers.errors import RecordInvalid
from runner.json_text import JsonInvalid, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Kind = TypeVar("Kind")


def write(path: str, record: object) -> None:
    """Put a record into a file, in place of what it held."""
    hidden = f"{path}.{os.getpid()}"
    with open(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(encode(record_json.document(record)).encode())
    os.rename(hidden, path)


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
        with open(path, encoding="utf-8") as file:
            return record_json.record(kind, decode(file.read()))
    except FileNotFoundError:
        return None
    except (JsonInvalid, FieldInvalid, UnicodeDecodeError) as error:
        raise RecordInvalid(path, str(error)) from error
