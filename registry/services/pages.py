"""Lists of names, a page at a time (distribution-spec, "Listing Tags")."""

from __future__ import annotations

from dataclasses import dataclass

from registry.services.context import Services


@dataclass(frozen=True, slots=True)
class NamePage:
    """Some names in byte order, and whether more come after the last of them."""

    names: list[str]
    more: bool


def page_size(services: Services, asked: int | None) -> int:
    """How many entries a page holds: what the client asked for, within the configured bound."""
    bound = services.settings.page_entries
    return bound if asked is None else min(asked, bound)


def cut(names: list[str], size: int) -> NamePage:
    """A page of `size` from a list that was read one entry further, to learn whether there is more."""
    # A page of nothing has no last entry to go on from, so it names no next page either.
    return NamePage(names[:size], size > 0 and len(names) > size)
