"""Routes of the main table, IPv4 and IPv6 (rtnetlink(7), RTM_NEWROUTE)."""

from __future__ import annotations

from _socket import AF_INET, AF_INET6
from struct import Struct

from runner.netlink import messages
from runner.netlink.addresses import packed, unpacked
from runner.netlink.connection import Connection

_NEW = 24
_DELETE = 25
_GET = 26
# struct rtmsg: family, lengths of destination and source, TOS, table, protocol, scope, type, flags
_STRUCTURE = Struct("=BBBBBBBBI")
_DESTINATION = 1
_LINK = 4
_GATEWAY = 5

_MAIN = 254
_BY_ADMINISTRATOR = 4
_EVERYWHERE = 0
_ON_LINK = 253
_UNICAST = 1
_FAMILIES = {4: AF_INET, 6: AF_INET6}


class Route:
    """Where packets to a network go."""

    __slots__ = ("gateway", "index", "network", "prefix")

    def __init__(self, network: str, prefix: int, gateway: str | None, index: int | None) -> None:
        self.network = network
        """Its first address."""
        self.prefix = prefix
        """0 for everything that no other route is for."""
        self.gateway = gateway
        self.index = index
        """The link's; None where there are several, or none."""


def add(connection: Connection, network: str, prefix: int, *, gateway: str | None = None, index: int = 0) -> None:
    """Make a route. Without a gateway, whoever is in the network is on the link.

    Raises:
        NetlinkRefused: above all, there is one (`is_presence`).
    """
    flags = messages.CREATE | messages.EXCLUSIVE
    body = _body(network, prefix, gateway, index)
    connection.change(_NEW, body, doing=f"add the route to {network}/{prefix}", flags=flags)


def delete(connection: Connection, network: str, prefix: int, *, gateway: str | None = None, index: int = 0) -> None:
    """Take a route away.

    Raises:
        NetlinkRefused: above all, there is none (`is_absence`).
    """
    body = _body(network, prefix, gateway, index)
    connection.change(_DELETE, body, doing=f"delete the route to {network}/{prefix}")


def all_of(connection: Connection, version: int) -> list[Route]:
    """The routes of the main table, of one version of the protocol: 4 or 6."""
    body = _STRUCTURE.pack(_FAMILIES[version], 0, 0, 0, 0, 0, 0, 0, 0)
    parsed = (_parse(answer) for answer in connection.dump(_GET, body, doing="list routes"))
    return [route for route in parsed if route is not None]


def _body(network: str, prefix: int, gateway: str | None, index: int) -> bytes:
    family, value = packed(network)
    scope = _ON_LINK if gateway is None and family == AF_INET else _EVERYWHERE
    body = _STRUCTURE.pack(family, prefix, 0, 0, _MAIN, _BY_ADMINISTRATOR, scope, _UNICAST, 0)
    if prefix:
        body += messages.attribute(_DESTINATION, value)
    if gateway is not None:
        body += messages.attribute(_GATEWAY, packed(gateway)[1])
    if index:
        body += messages.u32(_LINK, index)
    return body


def _parse(answer: messages.Answer) -> Route | None:
    """A route, or None for one that is of another table, or leads nowhere."""
    fields, attributes = answer.parse(_STRUCTURE)
    family, prefix, table, kind = fields[0], fields[1], fields[4], fields[7]
    if table != _MAIN or kind != _UNICAST:
        return None
    destination = attributes.get(_DESTINATION, bytes(16 if family == AF_INET6 else 4))
    gateway, link = attributes.get(_GATEWAY), attributes.get(_LINK)
    return Route(
        unpacked(family, destination),
        prefix,
        None if gateway is None else unpacked(family, gateway),
        None if link is None else messages.read_u32(link),
    )
