"""The records of an extended header, and the values in them (POSIX pax, "pax Extended Header")."""

from __future__ import annotations

import re

from runner import limits
from runner.layers.errors import LayerInvalid

Records = list[tuple[bytes, bytes]]
"""Keywords with their values, in their order; a keyword may come again."""

_LONGEST_LENGTH = 20
_DECIMAL = re.compile(rb"[0-9]{1,20}")
_TIME = re.compile(rb"(-?)([0-9]{1,20})(?:\.([0-9]{0,40}))?")


def parse_records(content: bytes) -> Records:
    """The records: each is its own length in decimal digits, a space, `keyword=value`, and a line feed.

    Raises:
        LayerInvalid: the lengths do not fit, or something else stands between the records.
    """
    records: Records = []
    start = 0
    while start < len(content) and content[start] != 0:
        digits = content[start : start + _LONGEST_LENGTH].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        record = content[start : start + length]
        keyword, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if len(record) < length or not record.endswith(b"\n") or not equals or not keyword:
            raise LayerInvalid("an extended header of the archive cannot be read")
        records.append((keyword, value))
        start += length
    return records


def format_records(records: Records) -> bytes:
    """What an extended header with these records holds."""
    return b"".join(map(_record, records))


def parse_decimal(value: bytes) -> int:
    """A number that is not negative.

    Raises:
        LayerInvalid: the value is none.
    """
    if not _DECIMAL.fullmatch(value):
        raise LayerInvalid("an extended header of the archive holds a number that is none")
    return int(value)


def parse_time_ns(value: bytes) -> int:
    """A time in nanoseconds since 1970; digits below a nanosecond are dropped.

    Raises:
        LayerInvalid: the value is none, or farther from 1970 than `limits.TIME_S`.
    """
    match = _TIME.fullmatch(value)
    if match is None:
        raise LayerInvalid("an extended header of the archive holds a time that is none")
    sign, seconds, fraction = match.groups(b"")
    magnitude = seconds_to_ns(int(seconds)) + int(fraction[:9].ljust(9, b"0"))
    return -magnitude if sign else magnitude


def seconds_to_ns(seconds: int) -> int:
    """The nanoseconds of a time in whole seconds.

    Raises:
        LayerInvalid: it is farther from 1970 than `limits.TIME_S`.
    """
    if abs(seconds) > limits.TIME_S:
        raise LayerInvalid("an entry of the archive has a time that no clock shows")
    return seconds * 1_000_000_000


def format_time_ns(time_ns: int) -> bytes:
    """A time as a decimal fraction of seconds, without zeros at its end."""
    seconds, nanoseconds = divmod(abs(time_ns), 1_000_000_000)
    fraction = b".%09d" % nanoseconds if nanoseconds else b""
    return b"%s%d%s" % (b"-" if time_ns < 0 else b"", seconds, fraction.rstrip(b"0"))


def _record(record: tuple[bytes, bytes]) -> bytes:
    rest = b" %s=%s\n" % record
    # The length counts its own digits, too.
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)
