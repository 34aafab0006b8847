"""The listening sockets: bound before anything else is done, one per worker, kept by the supervisor.

Every worker has a socket of its own on the same port (`SO_REUSEPORT`), so that the kernel spreads connections over
them. The supervisor keeps them all: connections that wait while a worker is replaced are served by its successor.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import Final, TypeAlias

from registry.app.port_owner import find_port_owner
from registry.app.refusals import AddressTaken, AddressUnusable
from registry.config.values import SocketAddress

Sockets: TypeAlias = Sequence[socket.socket]

# SO_REUSEADDR: connections of a registry that has just stopped, which the kernel remembers for a minute, hold no port.
_ALONE: Final = (socket.SO_REUSEADDR,)
_TOGETHER: Final = (socket.SO_REUSEADDR, socket.SO_REUSEPORT)
# Address families that the kernel was started without do not keep the others from being served.
_ABSENT: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def bind(address: SocketAddress, workers: int) -> tuple[Sockets, ...]:
    """For each worker, a socket on every address that `address` names; all on one port, none listening yet.

    Raises:
        AddressTaken: another program listens there.
        AddressUnusable: this machine has no such address, or this user may not listen there.
    """
    places = _resolve(address)
    port = address.port
    if port:
        # SO_REUSEPORT would let this registry share the port of another one without either noticing.
        for probe in _bind_all(address, places, port, _ALONE):
            probe.close()
    bound = []
    for _ in range(workers):
        sockets = _bind_all(address, places, port, _TOGETHER)
        port = port or sockets[0].getsockname()[1]
        bound.append(sockets)
    return tuple(bound)


def _resolve(address: SocketAddress) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressUnusable(address, str(error.strerror)) from error
    return list(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))


def _bind_all(
    address: SocketAddress, places: Sequence[tuple[socket.AddressFamily, str]], port: int, options: Sequence[int]
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for family, host in places:
        try:
            sockets.append(_bound(family, host, port or _port_of(sockets), options))
        except OSError as error:
            if error.errno in _ABSENT:
                absent = error
                continue
            if error.errno == errno.EADDRINUSE:
                raise AddressTaken(address, find_port_owner(port)) from error
            raise AddressUnusable(address, os.strerror(error.errno or 0)) from error
    if not sockets:
        raise AddressUnusable(address, os.strerror(absent.errno or 0) if absent is not None else "no such address")
    return sockets


def _port_of(sockets: Sockets) -> int:
    return int(sockets[0].getsockname()[1]) if sockets else 0


def _bound(family: socket.AddressFamily, host: str, port: int, options: Sequence[int]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        for option in options:
            listener.setsockopt(socket.SOL_SOCKET, option, 1)
        if family == socket.AF_INET6:
            # `[::]` is every interface, of IPv4 too.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setblocking(False)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener
