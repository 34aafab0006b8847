"""One header block of a tar archive: v7, ustar, star and GNU.

POSIX pax, "ustar Interchange Format"; GNU tar, "Basic Tar Format".
"""

from __future__ import annotations

from typing import NamedTuple

from runner.layers.blocks import BLOCK
from runner.layers.errors import LayerInvalid

_USTAR_MAGIC = b"ustar\0"
_STAR_TRAILER = b"tar\0"
_CHECKSUM = slice(148, 156)
_SPACES = 8 * ord(" ")
_NAME_BYTES = 100
_PREFIX_BYTES = 155

LARGEST_ID = 0o7777777
"""The largest user or group that a header holds in octal digits."""

LARGEST_NUMBER = 0o77777777777
"""The largest size, and the latest time, that it does."""


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


def format_header(header: Header, device: tuple[int, int] = (0, 0)) -> bytes:
    """The ustar block of a header whose fields fit into it; its `block` is not looked at.

    A name or a link that does not fit (`fits_name`, `fits_link`) is cut: it has to be told in another way.
    """
    prefix, name = _split(header.name) or (b"", header.name[:_NAME_BYTES])
    block = b"".join(
        (
            name.ljust(_NAME_BYTES, b"\0"),
            b"%07o\0%07o\0%07o\0" % (header.mode, header.uid, header.gid),
            b"%011o\0%011o\0" % (header.size, header.mtime),
            b" " * 8,
            header.type,
            header.link[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0"),
            _USTAR_MAGIC + b"00",
            # The names of user and group are another machine's business.
            bytes(64),
            b"%07o\0%07o\0" % device,
            prefix,
        )
    ).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def fits_name(name: bytes) -> bool:
    """Whether a header can hold the name."""
    return _split(name) is not None


def fits_link(link: bytes) -> bool:
    """Whether a header can hold what a link names."""
    return len(link) <= _NAME_BYTES


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


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """The two fields that a name is kept in; None where it is too long, or has no slash at the right place."""
    if len(name) <= _NAME_BYTES:
        return b"", name
    # The slash at a directory's end is none that parts it.
    cut = name.rfind(b"/", 1, min(_PREFIX_BYTES + 1, len(name) - 1))
    return (name[:cut], name[cut + 1 :]) if cut > 0 and len(name) - cut - 1 <= _NAME_BYTES else None


def _checksum_fits(block: bytes) -> bool:
    claimed = number(block[_CHECKSUM])
    unsigned = sum(block) - sum(block[_CHECKSUM]) + _SPACES
    if claimed == unsigned:
        return True
    # Some old archivers added the bytes up as signed numbers.
    above = sum(byte > 127 for byte in block) - sum(byte > 127 for byte in block[_CHECKSUM])
    return claimed == unsigned - 256 * above
