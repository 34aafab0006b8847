"""The networks of containers: the host's own, none, and a bridge of ours.

`Networks.attach` is called when a container's network namespace is there and nothing runs in it, `Networks.detach`
when it is gone; each may be repeated, and whoever is killed in between leaves nothing that the next call does not clear
away.
"""

from __future__ import annotations

import errno
import os

from runner.netlink import addresses, links, routes
from runner.netlink.connection import Connection
from runner.netlink.errors import NetlinkRefused
from runner.netlink.links import Port
from runner.netlink.namespaces import inside
from runner.network import bridge, ports, tables
from runner.network.bridge import Bridge
from runner.network.errors import NetworkKernelLacks, PortUnavailable
from runner.network.firewall import Firewall
from runner.network.leases import Lease, Leases
from runner.network.ports import HeldPort
from runner.network.publications import Publication
from runner.network.subnets import Subnet, hardware_address

HOST = "host"
NONE = "none"
BRIDGE = "bridge"

DEFAULT_BRIDGE = "moorage0"
"""The bridge's name, and that of its table in the firewall."""

_ID_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-")
_LONGEST_ID = 200
_LINK_PREFIX = "mrg"
_LOOPBACK = "lo"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - a route's destination


class NetworkSettings:
    """The network that a container shall have."""

    __slots__ = ("interface", "mode", "mtu", "publications")

    def __init__(
        self,
        mode: str,
        *,
        publications: tuple[Publication, ...] = (),
        mtu: int | None = None,
        interface: str = "eth0",
    ) -> None:
        self.mode = mode
        """HOST, NONE or BRIDGE."""
        self.publications = publications
        """The ports that the host passes on; they mean nothing to HOST and NONE."""
        self.mtu = mtu
        """Bytes of the largest packet; None for what is usual."""
        self.interface = interface
        """The name of the link as the container sees it."""


class Attachment:
    """What a container got."""

    __slots__ = ("address", "gateway", "link", "mac", "ports", "prefix")

    def __init__(
        self, lease: Lease | None = None, subnet: Subnet | None = None, held: list[HeldPort] | None = None
    ) -> None:
        self.address = lease.address if lease is not None else None
        """Its address; None without the bridge."""
        self.mac = hardware_address(lease.address) if lease is not None else None
        self.link = lease.link if lease is not None else None
        """The name of the host's end of its link."""
        self.gateway = subnet.gateway if subnet is not None else None
        """The host's address on the bridge."""
        self.prefix = subnet.prefix if subnet is not None else None
        self.ports = held or []
        """Published ports, each with the socket that holds it: to be kept open while the container runs."""


class Networks:
    """The networks of all containers whose state is in one directory, which alone knows of its bridge."""

    __slots__ = ("_bridge", "_directory")

    def __init__(self, directory: str, bridge_name: str = DEFAULT_BRIDGE) -> None:
        self._directory = directory
        self._bridge = bridge_name

    def attach(self, namespace: int, container: str, settings: NetworkSettings) -> Attachment:
        """Connect a container.

        Args:
            namespace: a descriptor of its network namespace, which means nothing to HOST.
            container: its ID. If it is connected already, that connection is given up.
            settings: what it shall have.

        Raises:
            NetworkError: it cannot have that; nothing is left of the attempt.
            NetlinkRefused: the kernel does not do something that it ought to.
            ValueError: it is no ID, or no network.
        """
        if settings.mode == HOST:
            return Attachment()
        if settings.mode == NONE:
            inside(namespace, _set_loopback_up)
            return Attachment()
        _check(settings.mode, container)
        held = ports.hold(settings.publications)
        try:
            with Leases(self._directory) as leases, Connection() as host, tables.connect() as rules:
                firewall = Firewall(rules, self._bridge, self._directory)
                _give_up(leases, host, container)
                _release_all(leases, firewall, _stale(leases, host))
                made = self._ready(leases, host, firewall)
                publications = [each.publication for each in held]
                _refuse_collisions(leases, publications)
                lease = Lease(leases.choose(made.subnet), container, f"{_LINK_PREFIX}{os.urandom(5).hex()}")
                leases.write(lease, publications)
                try:
                    _connect(host, namespace, (lease, made), settings)
                    firewall.publish(lease.address, publications)
                except BaseException:
                    _delete_link(host, lease.link)
                    _release_all(leases, firewall, [lease])
                    raise
                return Attachment(lease, made.subnet, held)
        except BaseException:
            ports.release(held)
            raise

    def detach(self, container: str) -> None:
        """Give back what a container had. Its link goes with its network namespace, and so takes nobody's time."""
        if not os.path.isdir(self._directory):
            return
        with Leases(self._directory) as leases:
            own = [lease for lease in leases.all() if lease.container == container]
            if own:
                with tables.connect() as rules:
                    _release_all(leases, Firewall(rules, self._bridge, self._directory), own)

    def reclaim(self) -> None:
        """Clear away what containers left that are gone, however they went."""
        if not os.path.isdir(self._directory):
            return
        with Leases(self._directory) as leases, Connection() as host, tables.connect() as rules:
            _release_all(leases, Firewall(rules, self._bridge, self._directory), _stale(leases, host))
            known = {lease.link for lease in leases.all()}
            made = bridge.find(host, self._bridge, self._directory)
            for link in links.all_of(host):
                if made is not None and link.master == made.index and link.name not in known:
                    _delete_link(host, link.name)

    def remove(self) -> None:
        """Take the bridge and all rules away, for good; containers that run lose their network."""
        if not os.path.isdir(self._directory):
            return
        with Leases(self._directory) as leases, Connection() as host, tables.connect() as rules:
            Firewall(rules, self._bridge, self._directory).remove()
            if bridge.find(host, self._bridge, self._directory) is not None:
                _delete_link(host, self._bridge)
            for lease in leases.all():
                leases.remove(lease)

    def _ready(self, leases: Leases, host: Connection, firewall: Firewall) -> Bridge:
        """The bridge, with its rules: made if it is not there, or not as it ought to be."""
        made = bridge.find(host, self._bridge, self._directory)
        if made is None or not firewall.is_made(made.subnet):
            firewall.require_means()
            made = made or bridge.make(host, self._bridge, self._directory)
            published = [(lease.address, each) for lease in leases.all() for each in leases.publications(lease)]
            firewall.make(made.subnet, published)
        # Others may change these at any time.
        firewall.let_through()
        bridge.set_kernel("ipv4/ip_forward", "1")
        return made


def _check(mode: str, container: str) -> None:
    """An ID becomes part of a file's name; those of the runtime's containers have these signs."""
    if mode != BRIDGE:
        raise ValueError(f"{mode!r} is no network")
    if not 0 < len(container) <= _LONGEST_ID or not _ID_SIGNS.issuperset(container):
        raise ValueError(f"{container!r} is no container's ID")


def _give_up(leases: Leases, host: Connection, container: str) -> None:
    """Cut the connection that a container has already, whose lease then is one like others of which nothing is left."""
    for lease in leases.all():
        if lease.container == container:
            _delete_link(host, lease.link)


def _stale(leases: Leases, host: Connection) -> list[Lease]:
    """Leases of containers that are gone."""
    there = links.names_of_all(host)
    return [lease for lease in leases.all() if lease.link not in there]


def _release_all(leases: Leases, firewall: Firewall, given_up: list[Lease]) -> None:
    for lease in given_up:
        # In this order: what a lease does not tell of, nobody would ever withdraw.
        firewall.withdraw(lease.address, leases.publications(lease))
        leases.remove(lease)


def _refuse_collisions(leases: Leases, publications: list[Publication]) -> None:
    """Refuse ports of containers that run although nobody holds their ports any more."""
    if not publications:
        return
    for lease in leases.all():
        for theirs in leases.publications(lease):
            for ours in publications:
                if ours.collides(theirs):
                    raise PortUnavailable(str(ours), f"container {lease.container} has it")


def _connect(host: Connection, namespace: int, made: tuple[Lease, Bridge], settings: NetworkSettings) -> None:
    """Make the pair of links, one end in the bridge, and all that the container needs at its end."""
    lease, of_bridge = made
    own = Port(lease.link, master=of_bridge.index, mtu=settings.mtu)
    mac = hardware_address(lease.address)
    theirs = Port(settings.interface, mac=mac, mtu=settings.mtu, namespace=namespace)
    try:
        links.create_veth(host, own, theirs)
    except NetlinkRefused as refused:
        if refused.number == errno.EOPNOTSUPP:
            raise NetworkKernelLacks("virtual Ethernet links", "CONFIG_VETH") from refused
        raise
    # Where the kernel has bridged packets judged by the firewall, as Docker makes it, a container that asks for its own
    # published port has them sent back through the port where they came in.
    links.set_port(host, _index(host, lease.link), hairpin=True)
    inside(namespace, lambda: _set_up_inside(settings.interface, lease.address, of_bridge.subnet))


def _set_up_inside(interface: str, address: str, subnet: Subnet) -> None:
    # Before the link is up, or it would give itself an address of IPv6 that reaches nobody.
    bridge.set_kernel(f"ipv6/conf/{interface}/disable_ipv6", "1")
    with Connection() as connection:
        _set_up(connection, _LOOPBACK)
        index = _set_up(connection, interface)
        addresses.add(connection, index, address, subnet.prefix)
        routes.add(connection, _EVERYWHERE, 0, gateway=subnet.gateway)


def _set_loopback_up() -> None:
    with Connection() as connection:
        _set_up(connection, _LOOPBACK)


def _set_up(connection: Connection, name: str) -> int:
    index = _index(connection, name)
    links.set_up(connection, index)
    return index


def _index(connection: Connection, name: str) -> int:
    link = links.find(connection, name)
    if link is None:
        raise NetlinkRefused(f"find the link {name}", errno.ENODEV)
    return link.index


def _delete_link(host: Connection, name: str) -> None:
    try:
        links.delete(host, name)
    except NetlinkRefused as refused:
        if not refused.is_absence:
            raise
