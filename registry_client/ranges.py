"""The ranges of transfers: `Content-Range` of downloads (RFC 9110), `Range` of uploads (distribution-spec)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Digits of the largest number that 63 bits hold: no blob is larger, and int() of very many digits would take long.
_CONTENT_RANGE = re.compile(r"bytes[ \t]+([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")
_UPLOADED = re.compile(r"(?:bytes[ =])?([0-9]{1,19})-([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `start` up to, not including, `stop`, of a whole of `total` (None: not told)."""

    start: int
    stop: int
    total: int | None = None


def parse_content_range(text: str | None) -> ByteRange | None:
    """The part that an answer holds, None if that is not told, or makes no sense."""
    match = _CONTENT_RANGE.fullmatch((text or "").strip())
    if match is None:
        return None
    start, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if last < start or (total is not None and last >= total):
        return None
    return ByteRange(start, last + 1, total)


def resumption(start: int) -> str:
    """The `Range` of all bytes from `start` on."""
    return f"bytes={start}-"


def chunk(start: int, stop: int) -> str:
    """The `Content-Range` of an upload's chunk, which has no unit (distribution-spec, "Pushing a blob in chunks")."""
    return f"{start}-{stop - 1}"


def parse_uploaded(text: str | None) -> int | None:
    """How many bytes an upload session holds, None if that is not told.

    "0-0" tells nothing: registries send it both for one byte and for none.
    """
    match = _UPLOADED.fullmatch((text or "").strip())
    if match is None:
        return None
    start, last = int(match[1]), int(match[2])
    # The range is that of all that was received; some registries begin it with the last chunk.
    return last + 1 if last > 0 and last >= start else None
