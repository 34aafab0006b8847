"""The bridge to which containers are connected, with a network of its own among the host's."""

from __future__ import annotations

import errno

from runner.netlink import addresses, links, routes
from runner.netlink.connection import Connection
from runner.netlink.errors import NetlinkRefused
from runner.netlink.links import Port
from runner.network.errors import NetworkBridgeForeign, NetworkKernelLacks, NetworkSubnetTaken
from runner.network.subnets import Subnet, hardware_address

# Of the private addresses, those that engines, routers and clouds choose least.
_CANDIDATES = tuple(f"10.{number}.0.0/16" for number in range(213, 245))
_KERNEL_SETTINGS = "/proc/sys/net"


class Bridge:
    """A bridge that is there."""

    __slots__ = ("index", "subnet")

    def __init__(self, index: int, subnet: Subnet) -> None:
        self.index = index
        self.subnet = subnet


def find(connection: Connection, name: str, directory: str) -> Bridge | None:
    """The bridge, if it is there as `make` made it and noted it."""
    index, subnet = _read(directory)
    link = links.find(connection, name)
    if link is None or subnet is None or (link.index, link.kind, link.is_up) != (index, "bridge", True):
        return None
    return Bridge(link.index, subnet)


def make(connection: Connection, name: str, directory: str) -> Bridge:
    """Make the bridge, with the network that it had before, or one that overlaps none of the host's.

    Raises:
        NetworkBridgeForeign: there is a link of its name that was not left over by a start that was killed.
        NetworkSubnetTaken: there is no room for its network.
        NetworkKernelLacks: the kernel has no bridges.
    """
    _remove_remains(connection, name)
    subnet = _choose(connection, _read(directory)[1])
    try:
        # A hardware address of its own: otherwise it would have that of one of its ports, which come and go.
        links.create_bridge(connection, Port(name, mac=hardware_address(subnet.gateway)))
    except NetlinkRefused as refused:
        if refused.number == errno.EOPNOTSUPP:
            raise NetworkKernelLacks("bridges", "CONFIG_BRIDGE") from refused
        raise
    link = links.find(connection, name)
    if link is None:
        raise NetworkBridgeForeign(name)
    addresses.add(connection, link.index, subnet.gateway, subnet.prefix)
    # Published ports are reached through the host's loopback, too.
    set_kernel(f"ipv4/conf/{name}/route_localnet", "1")
    set_kernel(f"ipv6/conf/{name}/disable_ipv6", "1")
    # Last: what is not noted was not made whole.
    with open(_record(directory), "w", encoding="utf-8") as file:
        file.write(f"{link.index} {subnet}")
    return Bridge(link.index, subnet)


def set_kernel(name: str, value: str) -> None:
    """Set what /proc/sys/net has for the thread's network namespace, which may lack IPv6."""
    path = f"{_KERNEL_SETTINGS}/{name}"
    try:
        with open(path, encoding="utf-8") as file:
            found = file.read().strip()
        if found != value:
            # Opened anew, for the kernel takes nothing that is not written at the beginning.
            with open(path, "w", encoding="utf-8") as file:
                file.write(value)
    except FileNotFoundError:
        return


def _remove_remains(connection: Connection, name: str) -> None:
    link = links.find(connection, name)
    if link is None:
        return
    if link.kind != "bridge" or any(each.master == link.index for each in links.all_of(connection)):
        raise NetworkBridgeForeign(name)
    links.delete(connection, name)


def _choose(connection: Connection, last: Subnet | None) -> Subnet:
    """A network to which no route of the host leads, rather the last one than another."""
    networks = [route for route in routes.all_of(connection, 4) if route.prefix > 0]
    candidates = [*([last] if last is not None else []), *map(Subnet.parse, _CANDIDATES)]
    for candidate in candidates:
        if not any(candidate.overlaps(route.network, route.prefix) for route in networks):
            return candidate
    raise NetworkSubnetTaken(f"the host has routes to {_CANDIDATES[0]} and all others down to {_CANDIDATES[-1]}")


def _read(directory: str) -> tuple[int | None, Subnet | None]:
    try:
        with open(_record(directory), encoding="utf-8") as file:
            index, _, subnet = file.read().partition(" ")
        return int(index), Subnet.parse(subnet)
    except (OSError, ValueError):
        # Not there, or a file system lost its content.
        return None, None


def _record(directory: str) -> str:
    return f"{directory}/bridge"
