"""Connections that are made to allowed addresses only.

The address is looked at after names were resolved, and once more where its socket is made: what is checked is what is
connected, whatever a name server answers the next time, and a redirect is a connection like any other.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from registry import limits
from registry.config.values import Network
from registry.egress.addresses import is_allowed
from registry.errors import AddressRefused

AddressInfo: TypeAlias = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]

_NAME_SERVICE_S: Final = 10


def guarded_session(allowed: Sequence[Network]) -> aiohttp.ClientSession:
    """A session that connects to public addresses and those of `allowed`; whoever asks for it closes it.

    No cookie is kept, and no proxy used that the environment may name: it would do the connecting.
    """
    connector = aiohttp.TCPConnector(
        ssl=_trust(),
        resolver=_GuardedResolver(allowed),
        socket_factory=_socket_factory(allowed),
        limit=limits.OUTGOING_CONNECTIONS,
        limit_per_host=limits.OUTGOING_CONNECTIONS_PER_HOST,
        ttl_dns_cache=_NAME_SERVICE_S,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


@cache
def _trust() -> ssl.SSLContext:
    """The system's authorities, read once in a process."""
    return ssl.create_default_context()


class _GuardedResolver(AbstractResolver):
    """Knows of a name only the addresses that are allowed."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        usable = [result for result in found if is_allowed(result["host"], self._allowed)]
        if found and not usable:
            raise AddressRefused(f"{host} is at {found[0]['host']}, which no network of `egress.allow` holds")
        return usable

    async def close(self) -> None:
        await self._resolver.close()


def _socket_factory(allowed: Sequence[Network]) -> Callable[[AddressInfo], socket.socket]:
    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        host = str(address[0])
        # An address that stands in a URL is not resolved; it is seen only here.
        if not is_allowed(host, allowed):
            raise AddressRefused(f"no network of `egress.allow` holds {host}")
        return socket.socket(family, kind, protocol)

    return make
