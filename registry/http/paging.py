"""Lists that come a page at a time: `n`, `last` and `Link` (distribution-spec, "Listing Tags")."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from registry.errors import PageSizeInvalid

# More digits than any list has entries; int() of very many digits would take long, or refuse.
_DIGITS = 18


def page_size(text: str | None) -> int | None:
    """How many entries `n` asks for; None when it is not given.

    Raises:
        PageSizeInvalid: it is not a whole number, 0 or more.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise PageSizeInvalid
    return int(text) if len(text) <= _DIGITS else 10**_DIGITS


def next_link(path: str, query: Mapping[str, str] | list[tuple[str, str]]) -> str:
    """The `Link` header to the next page of the list at `path`: relative to the origin, as clients insist."""
    return f'<{path}?{urlencode(query)}>; rel="next"'
