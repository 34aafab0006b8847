"""Ports for servers that must know theirs before they listen, or listen on it again after they were stopped."""

import random
import socket
from pathlib import Path

_FIRST = 10_000
# From the same seed in every process, they would all begin with the same port.
_CHANCE = random.SystemRandom()


def free_port(share: int = 0, shares: int = 1) -> int:
    """A TCP port of the loopback interface that nobody listens on, and that the kernel gives to nobody.

    One that it gives may go to some client's connection at any moment at which the server does not listen. Processes
    that each choose from one of as many shares never choose the same.
    """
    while True:
        port = _CHANCE.randrange(_FIRST + share, _first_given(), shares)
        with socket.socket() as probe:
            # As servers do: connections that are over do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _first_given() -> int:
    """The first port that the kernel gives to those who ask for any (ip(7), `ip_local_port_range`)."""
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
