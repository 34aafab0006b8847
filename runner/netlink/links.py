"""Links: bridges, pairs of virtual Ethernet ports, and what is common to all (rtnetlink(7), RTM_NEWLINK).

A new link is made with all that it shall have in one message, for each takes a lock that the machine has one of.
"""

from __future__ import annotations

from _socket import AF_UNSPEC
from struct import Struct

from runner.netlink import messages
from runner.netlink.connection import Connection
from runner.netlink.errors import NetlinkAnswerInvalid

LONGEST_NAME = 15
"""What the kernel takes (IFNAMSIZ, with the null)."""

_NEW = 16
_DELETE = 17
_GET = 18
_SET = 19
# struct ifinfomsg: family, type, index, flags, which of the flags to change
_STRUCTURE = Struct("=BxHiII")
_UP = 0x1

# linux/if_link.h
_ADDRESS = 1
_NAME = 3
_MTU = 4
_MASTER = 10
_INFO = 18
_NAMESPACE_OF_PROCESS = 19
_NAMESPACE_OF_DESCRIPTOR = 28
_TELL = 29
_NO_STATISTICS = 1 << 3
_INFO_KIND = 1
_INFO_DATA = 2
_INFO_PORT_KIND = 4
_INFO_PORT_DATA = 5
_VETH_PEER = 1
_PORT_HAIRPIN = 4
_PORT_ISOLATED = 33


class Link:
    """A link as the kernel tells of it."""

    __slots__ = ("index", "is_up", "kind", "mac", "master", "mtu", "name")

    def __init__(self, index: int, name: str, *, is_up: bool, attributes: dict[int, bytes]) -> None:
        self.index = index
        self.name = name
        self.is_up = is_up
        self.mtu = messages.read_u32(attributes[_MTU]) if _MTU in attributes else 0
        """Bytes of the largest packet."""
        self.mac = attributes.get(_ADDRESS, b"").hex(":")
        """The hardware address; empty for a link that has none."""
        self.master = messages.read_u32(attributes[_MASTER]) if _MASTER in attributes else None
        """The index of the bridge of which it is a port."""
        kind = messages.attributes(attributes.get(_INFO, b"")).get(_INFO_KIND)
        self.kind = None if kind is None else messages.read_text(kind)
        """`veth`, `bridge` and so on; None for hardware and the loopback."""


class Port:
    """One end of a pair, or a bridge: what a link is made with."""

    __slots__ = ("mac", "master", "mtu", "name", "namespace")

    def __init__(
        self,
        name: str,
        *,
        mac: str | None = None,
        mtu: int | None = None,
        master: int | None = None,
        namespace: int | None = None,
    ) -> None:
        self.name = name
        self.mac = mac
        """The hardware address, as `02:42:0a:00:00:02`; None for one that the kernel chooses."""
        self.mtu = mtu
        """Bytes of the largest packet; None for what is usual."""
        self.master = master
        """The index of the bridge whose port it becomes."""
        self.namespace = namespace
        """A descriptor of the network namespace in which it is made; None for that of the connection."""

    def attributes(self) -> bytes:
        """As the kernel reads them."""
        body = messages.text(_NAME, self.name)
        if self.mac is not None:
            body += messages.attribute(_ADDRESS, bytes.fromhex(self.mac.replace(":", "")))
        if self.mtu is not None:
            body += messages.u32(_MTU, self.mtu)
        if self.master is not None:
            body += messages.u32(_MASTER, self.master)
        if self.namespace is not None:
            body += messages.u32(_NAMESPACE_OF_DESCRIPTOR, self.namespace)
        return body


def create_bridge(connection: Connection, port: Port) -> None:
    """Make a bridge, which is up.

    Raises:
        NetlinkRefused: above all, there is a link of the name (`is_presence`).
    """
    info = messages.nested(_INFO, messages.text(_INFO_KIND, "bridge"))
    _create(connection, port.attributes() + info, f"make the bridge {port.name}")


def create_veth(connection: Connection, port: Port, peer: Port) -> None:
    """Make a pair of virtual Ethernet ports: what goes into one comes out of the other. `port` is up, its peer is not.

    Raises:
        NetlinkRefused: above all, there is a link of one of the names (`is_presence`).
    """
    # The peer's structure and attributes stand in the pair's data. It is made first, and cannot be up while alone.
    other = messages.nested(_VETH_PEER, _STRUCTURE.pack(AF_UNSPEC, 0, 0, 0, 0) + peer.attributes())
    info = messages.nested(_INFO, messages.text(_INFO_KIND, "veth"), messages.nested(_INFO_DATA, other))
    _create(connection, port.attributes() + info, f"make the links {port.name} and {peer.name}")


def find(connection: Connection, name: str) -> Link | None:
    """The link of a name; None if there is none."""
    body = _STRUCTURE.pack(AF_UNSPEC, 0, 0, 0, 0) + messages.text(_NAME, name)
    answer = connection.find(_GET, body, doing=f"find the link {name}")
    return None if answer is None else _parse(answer)


def all_of(connection: Connection) -> list[Link]:
    """All links of the connection's namespace."""
    answers = connection.dump(_GET, _STRUCTURE.pack(AF_UNSPEC, 0, 0, 0, 0), doing="list links")
    return [_parse(answer) for answer in answers]


def names_of_all(connection: Connection) -> set[str]:
    """The names of all links of the connection's namespace, for a tenth of what `all_of` takes."""
    body = _STRUCTURE.pack(AF_UNSPEC, 0, 0, 0, 0) + messages.u32(_TELL, _NO_STATISTICS)
    answers = connection.dump(_GET, body, doing="list links")
    return {_name(answer.find(_STRUCTURE, _NAME)) for answer in answers}


def delete(connection: Connection, name: str) -> None:
    """Take a link away, and the other end of a pair with it. The kernel takes some 15 ms for it.

    Raises:
        NetlinkRefused: above all, there is no such link (`is_absence`).
    """
    body = _STRUCTURE.pack(AF_UNSPEC, 0, 0, 0, 0) + messages.text(_NAME, name)
    connection.change(_DELETE, body, doing=f"delete the link {name}")


def set_up(connection: Connection, index: int) -> None:
    """Let packets through."""
    _change(connection, index, b"", "set a link up", up=True)


def set_down(connection: Connection, index: int) -> None:
    """Let no packets through."""
    _change(connection, index, b"", "set a link down", up=False)


def rename(connection: Connection, index: int, name: str) -> None:
    """Give a link another name."""
    _change(connection, index, messages.text(_NAME, name), f"rename a link to {name}")


def set_mtu(connection: Connection, index: int, mtu: int) -> None:
    """Bound the size of packets, in bytes."""
    _change(connection, index, messages.u32(_MTU, mtu), f"set a link's MTU to {mtu}")


def set_mac(connection: Connection, index: int, mac: str) -> None:
    """Give a link another hardware address."""
    value = bytes.fromhex(mac.replace(":", ""))
    _change(connection, index, messages.attribute(_ADDRESS, value), f"set a link's hardware address to {mac}")


def set_master(connection: Connection, index: int, master: int | None) -> None:
    """Make a link the port of a bridge, which is told by its index, or of none."""
    _change(connection, index, messages.u32(_MASTER, master or 0), "set a link's bridge")


def move_to_descriptor(connection: Connection, index: int, descriptor: int) -> None:
    """Move a link into the network namespace of which a file is open."""
    body = messages.u32(_NAMESPACE_OF_DESCRIPTOR, descriptor)
    _change(connection, index, body, "move a link into another namespace")


def move_to_process(connection: Connection, index: int, pid: int) -> None:
    """Move a link into the network namespace of a process."""
    body = messages.u32(_NAMESPACE_OF_PROCESS, pid)
    _change(connection, index, body, f"move a link into the namespace of process {pid}")


def set_port(connection: Connection, index: int, *, hairpin: bool = False, isolated: bool = False) -> None:
    """Choose how a bridge uses a port.

    Args:
        connection: to the bridge's namespace.
        index: the port's.
        hairpin: packets may leave where they came in.
        isolated: packets are not passed on to other isolated ports.
    """
    data = messages.nested(_INFO_PORT_DATA, messages.u8(_PORT_HAIRPIN, hairpin), messages.u8(_PORT_ISOLATED, isolated))
    info = messages.nested(_INFO, messages.text(_INFO_PORT_KIND, "bridge"), data)
    # Of the messages that change a link, only the one that also makes links reads this.
    body = _STRUCTURE.pack(AF_UNSPEC, 0, index, 0, 0) + info
    connection.change(_NEW, body, doing="set a bridge's port")


def _create(connection: Connection, attributes: bytes, doing: str) -> None:
    body = _STRUCTURE.pack(AF_UNSPEC, 0, 0, _UP, _UP) + attributes
    connection.change(_NEW, body, doing=doing, flags=messages.CREATE | messages.EXCLUSIVE)


def _change(connection: Connection, index: int, attributes: bytes, doing: str, *, up: bool | None = None) -> None:
    flags, changed = (_UP if up else 0), (0 if up is None else _UP)
    body = _STRUCTURE.pack(AF_UNSPEC, 0, index, flags, changed) + attributes
    connection.change(_SET, body, doing=doing)


def _parse(answer: messages.Answer) -> Link:
    (_family, _type, index, flags, _changed), attributes = answer.parse(_STRUCTURE)
    return Link(index, _name(attributes.get(_NAME)), is_up=bool(flags & _UP), attributes=attributes)


def _name(value: bytes | None) -> str:
    if value is None:
        raise NetlinkAnswerInvalid("a link without a name")
    return messages.read_text(value)
