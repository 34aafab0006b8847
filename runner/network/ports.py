"""Ports of the host, held by sockets that nobody answers on.

What comes to a published port is sent on by the firewall before any socket sees it. Without a socket, though, another
program could take the port, and a second container would not be told that the first has it.
"""

from __future__ import annotations

import errno
from _socket import AF_INET, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, socket

from runner.network.errors import PortUnavailable
from runner.network.publications import Publication

_KINDS = {"tcp": SOCK_STREAM, "udp": SOCK_DGRAM}
_REASONS = {
    errno.EADDRINUSE: "it is in use",
    errno.EADDRNOTAVAIL: "the address is none of the host's",
    errno.EACCES: "it takes root's rights",
}


class HeldPort:
    """A publication at a certain port of the host, and the socket that holds it for as long as it is open."""

    __slots__ = ("publication", "socket")

    def __init__(self, publication: Publication, held: socket) -> None:
        self.publication = publication
        self.socket = held


def hold(publications: tuple[Publication, ...]) -> list[HeldPort]:
    """Hold a port for each, in their order.

    Raises:
        PortUnavailable: one is not to be had; none is held then.
    """
    held: list[HeldPort] = []
    try:
        # What is held before an error is in the list already.
        held.extend(map(_hold, publications))
    except BaseException:
        release(held)
        raise
    return held


def release(held: list[HeldPort]) -> None:
    """Let ports go. It may be repeated."""
    for each in held:
        each.socket.close()


def _hold(publication: Publication) -> HeldPort:
    """Hold the first port of a range that nobody has."""
    for port in range(publication.first, publication.last):
        try:
            return _hold_one(publication, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _unavailable(publication, error) from error
    try:
        return _hold_one(publication, publication.last)
    except OSError as error:
        raise _unavailable(publication, error) from error


def _hold_one(publication: Publication, port: int) -> HeldPort:
    held = socket(AF_INET, _KINDS[publication.protocol] | SOCK_CLOEXEC)
    try:
        held.bind((publication.address, port))
        # Bound alone, a port can still be had by who sets SO_REUSEADDR.
        if publication.protocol == "tcp":
            held.listen(1)
    except BaseException:
        held.close()
        raise
    return HeldPort(publication.at(held.getsockname()[1]), held)


def _unavailable(publication: Publication, error: OSError) -> PortUnavailable:
    return PortUnavailable(str(publication), _REASONS.get(error.errno or 0, error.strerror or "it cannot be bound"))
