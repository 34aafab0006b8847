"""Network namespaces of a test's own, and links that lead into them from this machine."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from pathlib import Path

from tests.requirements import require_tool

# Nobody has these addresses: they are for measurements of networks (RFC 2544).
_ADDRESSES = ip_network("198.18.0.0/15")
# What is lost on a way as short as this is sent again so soon; Linux would wait for 200 ms.
_REPEATED_AFTER = "20ms"


@dataclass(frozen=True, slots=True)
class Link:
    """A way between this machine, at `address` of its `device`, and a network namespace, at `far_address`."""

    namespace: str
    device: str
    address: str
    far_address: str

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Lose everything that is sent from either end, without telling anybody, while the block runs."""
        ip("route", "add", "blackhole", f"{self.far_address}/32")
        try:
            yield
        finally:
            ip("route", "delete", "blackhole", f"{self.far_address}/32")


@contextmanager
def network_namespace() -> Iterator[str]:
    """A network namespace, by its name, until the block ends."""
    namespace = f"moorage-{secrets.token_hex(4)}"
    ip("netns", "add", namespace)
    try:
        ip("-netns", namespace, "link", "set", "lo", "up")
        yield namespace
    finally:
        ip("netns", "delete", namespace)


@contextmanager
def link_to(namespace: str) -> Iterator[Link]:
    """A link into a network namespace, until the block ends."""
    token = secrets.token_hex(4)
    here, there = f"moor-{token}h", f"moor-{token}t"
    # A /30 has two addresses for hosts. One of 32,768 by chance: tests of several checkouts may run at once.
    first = IPv4Address(int(_ADDRESSES.network_address) + 4 * secrets.randbelow(_ADDRESSES.num_addresses // 4))
    ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", namespace)
    try:
        ip("address", "add", f"{first + 1}/30", "dev", here)
        ip("link", "set", here, "up")
        # What comes from where no way leads back to is dropped: a route is all that it takes to cut the link.
        Path(f"/proc/sys/net/ipv4/conf/{here}/rp_filter").write_text("1")
        ip("-netns", namespace, "address", "add", f"{first + 2}/30", "dev", there)
        ip("-netns", namespace, "link", "set", there, "up")
        for end, device, where in (((), here, first + 1), (("-netns", namespace), there, first + 2)):
            ip(*end, "route", "change", f"{first}/30", "dev", device, "src", f"{where}", "rto_min", _REPEATED_AFTER)
        yield Link(namespace, here, str(first + 1), str(first + 2))
    finally:
        ip("link", "delete", here)


def ip(*arguments: str) -> None:
    """Run ip(8)."""
    run = subprocess.run([require_tool("ip"), *arguments], check=False, capture_output=True, text=True)
    assert run.returncode == 0, f"ip {' '.join(arguments)}: {run.stderr}"
