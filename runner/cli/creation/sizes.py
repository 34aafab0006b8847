"""Quantities as docker writes them. Each function raises ValueError for what is none, with the reason."""

from __future__ import annotations

_UNITS: dict[str, int] = {"": 1, "b": 1} | {
    f"{letter}{rest}": 1024**power for power, letter in enumerate("kmgtp", start=1) for rest in ("", "b", "ib")
}
_SIGNS_OF_NUMBERS = "0123456789."
_NANO = 1_000_000_000
_MOST = 2**63 - 1


def size(text: str) -> int:
    """Bytes: `512`, `64m`, `1.5GiB`; all units are powers of 1024."""
    number = text.rstrip("bkmgtpiBKMGTPI ")
    unit = text[len(number) :].lower()
    # One space may stand between them.
    factor = _UNITS.get(unit.removeprefix(" "))
    if factor is None:
        raise ValueError("invalid size")
    whole, fraction = _decimal(number, "invalid size")
    # As many places as matter at the largest unit.
    bytes_ = whole * factor + int(fraction[:20].ljust(20, "0")) * factor // 10**20
    if bytes_ > _MOST:
        raise ValueError("invalid size")
    return bytes_


def size_or_unlimited(text: str) -> int:
    """The same, or -1 for no limit."""
    return -1 if text == "-1" else size(text)


def nano_cpus(text: str) -> int:
    """Billionths of processors, from a decimal number of them."""
    whole, fraction = _decimal(text, "not a number of processors")
    if len(fraction.rstrip("0")) > 9:
        raise ValueError("value is too precise")
    return whole * _NANO + int(fraction[:9].ljust(9, "0"))


def whole(text: str) -> int:
    """A whole number, with or without a sign before it."""
    if not text.removeprefix("-").isdecimal() or not text.isascii() or abs(int(text)) > _MOST:
        raise ValueError("expected a whole number")
    return int(text)


def _decimal(text: str, reason: str) -> tuple[int, str]:
    """A decimal number: its whole part, and the digits behind the point."""
    before, _, after = text.partition(".")
    # int() itself would take signs, spaces and other scripts' digits.
    if not text or text.strip(_SIGNS_OF_NUMBERS) or "." in after or text == "." or len(text) > 30:
        raise ValueError(reason)
    return int(before or "0"), after
