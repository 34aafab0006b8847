"""One header block of a tar archive: v7, ustar, star and GNU.

POSIX pax, "ustar Interchange Format"; GNU tar, "Basic Tar Format".
"""

from __future__ import annotations

from typing import NamedTuple

from runner.errors import LayerInvalid
from runner.layers.blocks import BLOCK

_USTAR_MAGIC = b"ustar\0"
_STAR_TRAILER = b"tar\0"
_CHECKSUM = slice(148, 156)
_SPACES = 8 * ord(" ")


class Header(NamedTuple):
    """The fields of one block; `block` is kept for what only some kinds of entry have."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    type: bytes
    link: bytes
    block: bytes


def parse_header(block: bytes) -> Header:
    """The header in `block`.

    Raises:
        LayerInvalid: the checksum is wrong, so this is no header; or a field is no number.
    """
    if len(block) != BLOCK or not _checksum_fits(block):
        raise LayerInvalid("this is no tar archive, or a damaged one")
    name = text(block[0:100])
    if block[257:263] == _USTAR_MAGIC:
        # star keeps two times where others have the end of the prefix.
        prefix = text(block[345 : 476 if block[508:512] == _STAR_TRAILER else 500])
        name = prefix + b"/" + name if prefix else name
    return Header(
        name=name,
        mode=number(block[100:108]),
        uid=number(block[108:116]),
        gid=number(block[116:124]),
        size=size_of(block[124:136]),
        mtime=number(block[136:148]),
        type=block[156:157],
        link=text(block[157:257]),
        block=block,
    )


def text(field: bytes) -> bytes:
    """What a field holds before its first NUL."""
    return field.partition(b"\0")[0]


def number(field: bytes) -> int:
    """The number in a field: octal digits, or two's complement when the first bit is set; nothing means 0.

    Raises:
        LayerInvalid: it is neither.
    """
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    digits = text(field).strip(b" ")
    if digits.strip(b"01234567"):
        raise LayerInvalid("a header of the archive holds a number that is none")
    return int(digits, 8) if digits else 0


def size_of(field: bytes) -> int:
    """The number in a field that cannot be negative.

    Raises:
        LayerInvalid: it is none, or negative.
    """
    value = number(field)
    if value < 0:
        raise LayerInvalid("a header of the archive holds a negative size")
    return value


def _checksum_fits(block: bytes) -> bool:
    claimed = number(block[_CHECKSUM])
    unsigned = sum(block) - sum(block[_CHECKSUM]) + _SPACES
    if claimed == unsigned:
        return True
    # Some old archivers added the bytes up as signed numbers.
    above = sum(byte > 127 for byte in block) - sum(byte > 127 for byte in block[_CHECKSUM])
    return claimed == unsigned - 256 * above
