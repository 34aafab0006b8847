"""Where a login comes from, for whoever counts the attempts."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address
from typing import Final

from aiohttp import web

from registry.config.values import Network
from registry.http.arrival import arrival
from registry.services.context import now
from registry.services.logins import From

# What has no address of its own is counted as one.
_UNKNOWN: Final = IPv4Address(0)


def login_origin(request: web.BaseRequest, trusted: Sequence[Network]) -> From:
    """The address that `request` comes from, as far as it is known from `trusted` proxies, and the present moment."""
    address = arrival(request, trusted).address
    return From(ip_address(address) if address else _UNKNOWN, now())
