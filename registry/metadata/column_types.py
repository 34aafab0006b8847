"""The column types of the metadata schema, the same on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Only INTEGER PRIMARY KEY is the row id in SQLite; it holds 64 bits there all the same.
RowId = BigInteger().with_variant(Integer, "sqlite")

# Names are listed in the order of their bytes, whatever the database's locale; SQLite compares bytes by itself.
ByteOrdered = Text().with_variant(Text(collation="C"), "postgresql")

Algorithm = String(16)


def to_microseconds(time: datetime) -> int:
    """Count the microseconds from 1970 to an aware `time`, without rounding."""
    return (time - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Give the aware UTC datetime that `to_microseconds` made `count` of."""
    return _EPOCH + timedelta(microseconds=count)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as 64-bit microseconds since 1970, so that both databases compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Give the database its number."""
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Give the program its datetime."""
        return None if value is None else from_microseconds(value)
