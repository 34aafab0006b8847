"""Records as JSON and back, read as strictly as they are typed: for what one command writes and another one reads.

A record is an object of its fields, which are strings, numbers, booleans, other records, tuples of these, or mappings
from strings to strings. A field that is unknown, or that is lacking and has no default, makes a document invalid.
"""

from __future__ import annotations

import sys

from oci_spec.json_fields import FieldInvalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    Kind = TypeVar("Kind")

_PLAIN = {"str": str, "int": int, "bool": bool}


def document(record: object) -> dict[str, object]:
    """The JSON of a record, of plain values."""
    fields: dict[str, object] = record._asdict()  # type: ignore[attr-defined]
    return {name: _plain(value) for name, value in fields.items()}


def record(kind: type[Kind], value: object, place: str = "") -> Kind:
    """The record of a kind that a JSON value is.

    Args:
        kind: the class, whose annotations say what its fields are.
        value: as it was decoded.
        place: where in the document it stands, for errors; empty for the whole.

    Raises:
        FieldInvalid: it is none.
    """
    if not isinstance(value, dict):
        raise FieldInvalid(f"{place or 'the document'}: expected an object")
    described: dict[str, str] = kind.__annotations__
    for name in value:
        if name not in described:
            raise FieldInvalid(f"{_at(place, name)}: is not known")
    read = {name: _read(kind, described[name], value[name], _at(place, name)) for name in value}
    try:
        return kind(**read)
    except TypeError as error:
        raise FieldInvalid(f"{place or 'the document'}: {error}") from error


def _plain(value: object) -> object:
    if hasattr(value, "_asdict"):
        return document(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


def _read(owner: type, described: str, value: object, place: str) -> object:
    """A value as its annotation describes it, in the words that the module of `owner` uses."""
    if described.endswith(" | None"):
        return None if value is None else _read(owner, described.removesuffix(" | None"), value, place)
    if described in _PLAIN:
        # Not isinstance: true and false are integers to Python.
        if type(value) is not _PLAIN[described]:
            raise FieldInvalid(f"{place}: expected a value of kind {described}")
        return value
    if described.startswith("tuple["):
        if not isinstance(value, list):
            raise FieldInvalid(f"{place}: expected an array")
        inner = described.removeprefix("tuple[").removesuffix(", ...]")
        return tuple(_read(owner, inner, item, f"{place}[{index}]") for index, item in enumerate(value))
    if described == "Mapping[str, str]":
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise FieldInvalid(f"{place}: expected an object whose values are strings")
        return value
    kind: Any = getattr(sys.modules[owner.__module__], described)
    return record(kind, value, place)


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
