"""`Link`: where a list goes on (RFC 8288; distribution-spec, "Listing Tags")."""

from __future__ import annotations

import re

from multidict import CIMultiDictProxy
from yarl import URL

from registry_client import limits
from registry_client.errors import RedirectRefused
from registry_client.origin import Origin, pointed_to, shown

# Possessive: what has no end takes all the rest, once, and does not match.
_TARGET = re.compile(r"[ \t,]*<([^<>]*+)>")
_PARAMETER = re.compile(r"""[ \t]*;[ \t]*([A-Za-z0-9*\-]++)(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*+"|[^\s",;]*+))?""")


def next_target(text: str) -> str | None:
    """The target of the first link whose relation is `next`; None without one, or from where it cannot be read."""
    text, at = text[: limits.LINK_CHARACTERS], 0
    while (target := _TARGET.match(text, at)) is not None:
        at, relations = _relations(text, target.end())
        if "next" in relations:
            return target[1]
    return None


def next_page(headers: CIMultiDictProxy[str], page: URL) -> URL | None:
    """The URL of the page after `page`; None where that is the last.

    Raises:
        AnswerInvalid: the link points to nowhere.
        RedirectRefused: it leaves the registry: who follows it would take another's list for the registry's own.
    """
    target = next_target(", ".join(headers.getall("Link", [])))
    if target is None:
        return None
    url = pointed_to(target, page)
    if Origin.of(url) != Origin.of(page):
        raise RedirectRefused(f"the list at {shown(page)} goes on at another place, {shown(url)}")
    return url


def _relations(text: str, at: int) -> tuple[int, list[str]]:
    """Where a link's parameters end, and its relations: those of the first `rel`, as the RFC says."""
    relations: list[str] | None = None
    while (parameter := _PARAMETER.match(text, at)) is not None:
        at = parameter.end()
        if parameter[1].lower() == "rel" and relations is None:
            relations = (parameter[2] or "").strip('"').lower().split()
    return at, relations or []
