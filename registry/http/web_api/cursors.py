"""Cursors: where the next page of a list begins, in a form that clients only hand back.

A cursor names the last entry of the page before it, so that entries which come or go meanwhile neither repeat nor
hide others. It grants nothing: whoever makes one up gets what a search would have told them.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from registry.auth.pattern import RepositoryPattern
from registry.errors import ParameterInvalid, PatternInvalid
from registry.metadata.rows import Direction, Position, RepositorySort, TagSort

# Python's `$` also stands before a newline at the end.
_Name = Annotated[str, Meta(pattern="^[ -~]{1,255}(?!\\n)$")]
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Time = Annotated[datetime, Meta(tz=True)]
_BY_TIME: Final = tuple[str, str, _Time, _Name]
_KINDS: Final[dict[str, Any]] = {
    TagSort.NAME: tuple[str, str, _Name, _Name],
    TagSort.SIZE: tuple[str, str, _Count, _Name],
    TagSort.PULLS: tuple[str, str, _Count, _Name],
}


def write(sort: RepositorySort | TagSort, order: Direction, position: Position) -> str:
    """The cursor of a list in this order that goes on after `position`."""
    return _encode([sort, order, position.key, position.name])


def read(text: str, sort: RepositorySort | TagSort, order: Direction) -> Position:
    """The position that `write` made `text` of.

    Raises:
        ParameterInvalid: it was made for another order, or is no cursor.
    """
    try:
        made_for, made_in, key, name = _decode(text, _KINDS.get(sort, _BY_TIME))
    except ValueError:
        raise _not_given() from None
    if (made_for, made_in) != (sort, order):
        raise ParameterInvalid("cursor", f"one of a list with the same order, not of {made_for!r} {made_in!r}")
    return Position(key, name)


def write_rank(position: Position) -> str:
    """The cursor of what a search found that goes on after `position`, whose key is a rank."""
    return _encode([position.key, position.name])


def read_rank(text: str) -> Position:
    """The position that `write_rank` made `text` of.

    Raises:
        ParameterInvalid: it is no such cursor.
    """
    try:
        rank, name = _decode(text, tuple[_Count, _Name])
    except ValueError:
        raise _not_given() from None
    return Position(rank, name)


def write_number(number: int) -> str:
    """The cursor of a list that is in the order of numbers."""
    return _encode(number)


def read_number(text: str) -> int:
    """The number that `write_number` made `text` of.

    Raises:
        ParameterInvalid: it is no such cursor.
    """
    try:
        number: int = _decode(text, _Count)
    except ValueError:
        raise _not_given() from None
    return number


def write_name(name: str) -> str:
    """The cursor of a list that is in the order of names."""
    return _encode(name)


def read_name(text: str) -> str:
    """The name that `write_name` made `text` of.

    Raises:
        ParameterInvalid: it is no such cursor.
    """
    try:
        name: str = _decode(text, _Name)
    except ValueError:
        raise _not_given() from None
    return name


def read_pattern(text: str) -> RepositoryPattern:
    """The pattern that `write_name` made `text` of.

    Raises:
        ParameterInvalid: it is no such cursor.
    """
    try:
        return RepositoryPattern.parse(read_name(text))
    except PatternInvalid:
        raise _not_given() from None


def _not_given() -> ParameterInvalid:
    return ParameterInvalid("cursor", "the `next_cursor` of an answer, as it was given")


def _encode(value: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=").decode()


def _decode(text: str, kind: Any) -> Any:
    """The value of type `kind`; any error is a ValueError."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, msgspec.MsgspecError) as error:
        raise ValueError(str(error)) from error
