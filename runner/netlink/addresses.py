"""Addresses of links, IPv4 and IPv6 (rtnetlink(7), RTM_NEWADDR)."""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from struct import Struct

from runner.netlink import messages
from runner.netlink.connection import Connection
from runner.netlink.errors import NetlinkAnswerInvalid

_NEW = 20
_DELETE = 21
_GET = 22
# struct ifaddrmsg: family, length of the prefix, flags, scope, index of the link
_STRUCTURE = Struct("=BBBBI")
_ADDRESS = 1
_LOCAL = 2
_BROADCAST = 4
_FLAGS = 8
_WITHOUT_DETECTION = 0x02

_FAMILIES = {4: AF_INET, 6: AF_INET6}


class Address:
    """An address that a link has."""

    __slots__ = ("address", "index", "prefix")

    def __init__(self, address: str, prefix: int, index: int) -> None:
        self.address = address
        self.prefix = prefix
        """The length of its network's part."""
        self.index = index
        """The link's."""


def packed(address: str) -> tuple[int, bytes]:
    """The family and the bytes of an address that is written as usual.

    Raises:
        ValueError: it is none.
    """
    family = AF_INET6 if ":" in address else AF_INET
    try:
        return family, inet_pton(family, address)
    except (OSError, ValueError) as error:
        raise ValueError(f"{address!r} is no address") from error


def unpacked(family: int, address: bytes) -> str:
    """An address as it is usually written.

    Raises:
        NetlinkAnswerInvalid: it has not as many bytes as those of its family.
    """
    try:
        return inet_ntop(family, address)
    except (OSError, ValueError) as error:
        raise NetlinkAnswerInvalid(f"an address of {len(address)} bytes") from error


def add(connection: Connection, index: int, address: str, prefix: int) -> None:
    """Give a link an address, and with it a route to its network.

    An address of IPv6 is used at once, without looking for others who have it: who gives it knows.

    Raises:
        NetlinkRefused: above all, it has the address (`is_presence`).
    """
    family, value = packed(address)
    flags = _WITHOUT_DETECTION if family == AF_INET6 else 0
    body = _STRUCTURE.pack(family, prefix, flags, 0, index)
    body += messages.attribute(_LOCAL, value) + messages.attribute(_ADDRESS, value)
    if family == AF_INET and prefix < 31:
        body += messages.attribute(_BROADCAST, _last_of_network(value, prefix))
    flags = messages.CREATE | messages.EXCLUSIVE
    connection.change(_NEW, body, doing=f"add the address {address}/{prefix}", flags=flags)


def delete(connection: Connection, index: int, address: str, prefix: int) -> None:
    """Take an address from a link.

    Raises:
        NetlinkRefused: above all, it has no such address (`is_absence`).
    """
    family, value = packed(address)
    body = _STRUCTURE.pack(family, prefix, 0, 0, index) + messages.attribute(_LOCAL, value)
    connection.change(_DELETE, body, doing=f"delete the address {address}/{prefix}")


def all_of(connection: Connection, version: int) -> list[Address]:
    """The addresses of all links, of one version of the protocol: 4 or 6."""
    family = _FAMILIES[version]
    answers = connection.dump(_GET, _STRUCTURE.pack(family, 0, 0, 0, 0), doing="list addresses")
    return [_parse(answer) for answer in answers]


def _parse(answer: messages.Answer) -> Address:
    (family, prefix, _flags, _scope, index), attributes = answer.parse(_STRUCTURE)
    # LOCAL is the link's own where the link leads to one other; IPv6 writes only ADDRESS then.
    value = attributes.get(_LOCAL, attributes.get(_ADDRESS))
    if value is None:
        raise NetlinkAnswerInvalid("an address without one")
    return Address(unpacked(family, value), prefix, index)


def _last_of_network(value: bytes, prefix: int) -> bytes:
    return (int.from_bytes(value, "big") | (1 << (32 - prefix)) - 1).to_bytes(4, "big")
