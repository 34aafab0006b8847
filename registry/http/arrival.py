"""How a request came to the registry, where proxies stand between: from which address, to which scheme and host.

Proxies note that in `X-Forwarded-For`, `-Proto` and `-Host`, or in `Forwarded` (RFC 7239). A client may have begun
these headers with whatever it liked, so they are read from their ends, and only as far as trusted proxies wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from itertools import zip_longest
from typing import Final, NamedTuple

from aiohttp import web
from multidict import CIMultiDictProxy

from registry.config.values import Network

_X_FORWARDED: Final = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")
_SCHEMES: Final = ("http", "https")
_HOST_CHARACTERS: Final = 255
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")

# One element of `Forwarded`. Unlike RFC 7239, values with a colon need no quotation marks here: many write none. What
# is `*+` or `(?>` never gives back what it took, so that nothing a client sends takes long.
_NAME: Final = r"[\w!#$%&'*+.^`|~-]++"
_VALUE: Final = r'(?>"(?:[^"\\]|\\.)*"|[^\s",;]++)'
_PAIR: Final = rf"(?>{_NAME}={_VALUE})?"
_ELEMENT: Final = re.compile(rf"[ \t]*+({_PAIR}[ \t]*+(?:;[ \t]*+{_PAIR}[ \t]*+)*+)(?:,|\Z)", re.ASCII)
_PARAMETER: Final = re.compile(rf"({_NAME})=({_VALUE})", re.ASCII)


class Arrival(NamedTuple):
    """The client's address, and the scheme (`http` or `https`) and host (`name` or `name:port`) that it asked.

    What cannot be known is empty.
    """

    address: str
    scheme: str
    host: str


class _Hop(NamedTuple):
    """What one proxy noted: who asked it, by which scheme, for which host."""

    address: str = ""
    scheme: str = ""
    host: str = ""


def arrival(request: web.BaseRequest, trusted: Sequence[Network]) -> Arrival:
    """How `request` began its way, as far as it is known from `trusted` proxies."""
    return traced_back(arrival_here(request), request.headers, trusted)


def arrival_here(request: web.BaseRequest) -> Arrival:
    """How `request` came over its last connection, whoever sent it on."""
    return Arrival(request.remote or "", _scheme_here(request), _host(request.headers.get("Host", "")))


def traced_back(here: Arrival, headers: CIMultiDictProxy[str], trusted: Sequence[Network]) -> Arrival:
    """How what arrived `here` with these headers began its way: at the first machine that is no trusted proxy.

    `Forwarded` counts where there is no `X-Forwarded-*`: a proxy that writes the one passes on what a client said in
    the other.
    """
    address, scheme, host = here
    if not _is_trusted(address, trusted):
        return here
    hops = _x_forwarded(headers) if any(name in headers for name in _X_FORWARDED) else _forwarded(headers)
    for hop in hops:
        # Who is asked by another proxy often notes less than that one did.
        scheme, host = hop.scheme or scheme, hop.host or host
        if not hop.address:
            break
        address = hop.address
        if not _is_trusted(address, trusted):
            break
    return Arrival(address, scheme, host)


def _x_forwarded(headers: CIMultiDictProxy[str]) -> Iterator[_Hop]:
    """What proxies noted, the nearest first."""
    columns = [reversed(",".join(headers.getall(name, ())).split(",")) for name in _X_FORWARDED]
    for address, scheme, host in zip_longest(*columns, fillvalue=""):
        yield _Hop(_address(address), _scheme(scheme), _host(host))


def _forwarded(headers: CIMultiDictProxy[str]) -> Iterator[_Hop]:
    """What proxies noted, the nearest first."""
    for element in reversed(_elements(",".join(headers.getall("Forwarded", ())))):
        noted = {name.lower(): _unquoted(value) for name, value in _PARAMETER.findall(element)}
        yield _Hop(_address(noted.get("for", "")), _scheme(noted.get("proto", "")), _host(noted.get("host", "")))


def _elements(text: str) -> list[str]:
    """The elements of a `Forwarded`; empty text for each that is none, be it for a quotation mark that has no end."""
    found: list[str] = []
    position = 0
    while position < len(text):
        match = _ELEMENT.match(text, position)
        found.append(match[1] if match is not None else "")
        end = match.end() if match is not None else text.find(",", position) + 1
        position = end or len(text)
    return found


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _address(text: str) -> str:
    """The address in `text`, without brackets and port; empty where it is none, but a name or `unknown`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def _scheme(text: str) -> str:
    scheme = text.strip().lower()
    return scheme if scheme in _SCHEMES else ""


def _host(text: str) -> str:
    host = text.strip()
    return host if len(host) <= _HOST_CHARACTERS and _HOST.fullmatch(host) else ""


def _scheme_here(request: web.BaseRequest) -> str:
    transport = request.transport
    return "https" if transport is not None and transport.get_extra_info("sslcontext") is not None else "http"


def _is_trusted(address: str, trusted: Iterable[Network]) -> bool:
    return any(address in network for network in trusted)
