"""The `Content-Range` of an upload's chunk (distribution-spec, "Pushing a blob in chunks")."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.errors import ParameterInvalid

# The specification's form is `0-1023`. Older clients write it as HTTP does for answers: `bytes 0-1023/4096`.
_FORM = re.compile(r"(?:bytes[ =])?\s*([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]{1,18}|\*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Where a chunk begins in its blob, and how many bytes it says it has."""

    start: int
    size: int


def parse_content_range(header: str) -> ContentRange:
    """The chunk that `header` describes.

    Raises:
        ParameterInvalid: it is not a first and a last byte, or the last comes before the first.
    """
    match = _FORM.fullmatch(header.strip())
    first, last = (int(match[1]), int(match[2])) if match else (0, -1)
    if last < first:
        raise ParameterInvalid("Content-Range", "the chunk's first and last byte, as in `0-1023`")
    return ContentRange(first, last - first + 1)
