"""Which machine a request comes from, where proxies stand between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from aiohttp import web

from registry.config.values import Network

# `for=` of RFC 7239, "Forwarded": an address, an IPv6 address in brackets, each with or without a port; or a name.
_FORWARDED_FOR = re.compile(r"(?:^|;)\s*for=(\"[^\"]*\"|[^;]*)", re.IGNORECASE)


def client_address(request: web.BaseRequest, trusted: Sequence[Network]) -> str:
    """The address of the nearest machine that is no trusted proxy; empty when the connection has none.

    `Forwarded` and `X-Forwarded-For` are believed as far as trusted proxies wrote them: they are read from their ends,
    since a client may have begun them with whatever it liked.
    """
    nearest = request.remote or ""
    if not trusted:
        return nearest
    for hop in reversed(_hops(request)):
        if not _is_trusted(nearest, trusted):
            break
        nearest = hop
    return nearest


def _hops(request: web.BaseRequest) -> list[str]:
    """The machines that the request passed, as proxies noted them, the client first."""
    forwarded = _elements(request.headers.getall("Forwarded", ()))
    if forwarded:
        return [_node(match[1]) for match in map(_FORWARDED_FOR.search, forwarded) if match is not None]
    return [_node(element) for element in _elements(request.headers.getall("X-Forwarded-For", ()))]


def _elements(lines: Iterable[str]) -> list[str]:
    return [element.strip() for line in lines for element in line.split(",") if element.strip()]


def _node(text: str) -> str:
    """The address in `text`, without quotation marks, brackets and port."""
    text = text.strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _is_trusted(address: str, trusted: Iterable[Network]) -> bool:
    return any(address in network for network in trusted)
