"""Which addresses the registry connects to: those of the whole Internet, and others only where it is allowed.

What a client may name (an issuer, a webhook, a registry to mirror) must not become a way to reach the services of the
registry's own machine and network: databases, other containers, the metadata of a cloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from registry.config.values import Network

# RFC 6052, section 2.1: behind it a translator stands, which connects to the IPv4 address in the last 32 bits.
_NAT64: Final = IPv6Network("64:ff9b::/96")


def is_allowed(text: str, allowed: Sequence[Network]) -> bool:
    """Whether to connect to the address `text`: it is a public one, or in a network of `allowed`."""
    return _is_public(ip_address(text)) or any(text in network for network in allowed)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        # A private address is no less so for being written as one of IPv6.
        within = address.ipv4_mapped or address.sixtofour or _translated(address)
        if within is not None:
            return _is_public(within)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _translated(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None
