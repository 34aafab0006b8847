"""Requests that a browser makes for a page of another site, with the credentials that it keeps for this one."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from registry.config.values import ExternalUrl
from registry.errors import OtherSite
from registry.http.arrival import Arrival

_OWN: Final = frozenset({"none", "same-origin"})
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def is_for_another_site(request: web.BaseRequest) -> bool:
    """Whether a browser sends this for a page of another site, as it then says itself (W3C, "Fetch Metadata").

    That is all there is to tell a GET by. No other client sends the header.
    """
    return request.headers.get("Sec-Fetch-Site", "none") not in _OWN


def require_own_page(request: web.BaseRequest, arrived: Arrival, external: ExternalUrl | None) -> None:
    """Return where no page of another site asks for a change; otherwise raise.

    Browsers name the page's site in `Origin` when they send anything but a GET or HEAD (Fetch, "Origin header"), and do
    not let other sites read what is answered. No other client sends the header.

    Raises:
        OtherSite: the page is another site's, or may be.
    """
    origin = request.headers.get("Origin")
    if origin is None or request.method in _READING:
        return
    own = {arrived.host.lower(), external.authority.lower() if external is not None else ""} - {""}
    if origin.partition("://")[2].lower() not in own:
        raise OtherSite
