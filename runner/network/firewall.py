"""The firewall's rules for a bridge: one table of the bridge's name, so that taking it away takes all rules away.

Per container nothing but its published ports is written; the rules know the others by the bridge and its network.

* Packets of containers leave the host under the host's address.
* From outside, only answers and published ports reach containers; among themselves they reach all ports.
* A published port is reached from other machines, from the host by any of its addresses, its loopback too, and from
  containers, which may be the one that is asked.
* No container reaches the host's loopback, although the bridge routes it.
"""

from __future__ import annotations

from runner.netlink.connection import Connection
from runner.network import nft, tables, tracking
from runner.network.errors import NetworkFirewallRefused, NetworkToolMissing
from runner.network.publications import EVERY_ADDRESS, Publication
from runner.network.subnets import Subnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Published = Iterable[tuple[str, Publication]]

_FOREIGN_TABLE = "filter"
_FOREIGN_CHAIN = "FORWARD"
_CHAIN_FOR_USERS = "DOCKER-USER"


class Firewall:
    """The rules of one bridge. What was made is noted in a file, with the number that the kernel gave the table."""

    __slots__ = ("_bridge", "_connection", "_record")

    def __init__(self, connection: Connection, bridge: str, directory: str) -> None:
        self._connection = connection
        self._bridge = bridge
        self._record = f"{directory}/firewall"

    def require_means(self) -> None:
        """See to it that rules can be made, before anything is.

        Raises:
            NetworkKernelLacks: the kernel has no rules.
            NetworkToolMissing: there is nothing to write them with.
        """
        tables.handle_of(self._connection, tables.INET, self._bridge)
        if not nft.is_installed():
            raise NetworkToolMissing("nft", nft.PACKAGE)

    def is_made(self, subnet: Subnet) -> bool:
        """Whether the table is there as this version of the program makes it."""
        handle = tables.handle_of(self._connection, tables.INET, self._bridge)
        return handle is not None and self._read() == f"{handle}\n{_table(self._bridge, subnet, ())}"

    def make(self, subnet: Subnet, published: Published) -> None:
        """Make the table anew, all at once, with the ports of containers that run.

        Raises:
            NetworkFirewallRefused: it is not taken.
        """
        # To delete what is not there is an error, to add what is there is none.
        nft.run(f"add table inet {self._bridge}\n{self._deletion()}\n{_table(self._bridge, subnet, published)}")
        handle = tables.handle_of(self._connection, tables.INET, self._bridge)
        with open(self._record, "w", encoding="utf-8") as file:
            file.write(f"{handle}\n{_table(self._bridge, subnet, ())}")

    def let_through(self) -> None:
        """Have others' rules let the bridge's packets pass, if they let none pass that they do not know.

        A table cannot let pass what another drops; what is ours to drop is dropped all the same. Docker has a chain for
        rules of others, which it keeps when it starts anew.

        Raises:
            NetworkFirewallRefused: they are not taken.
        """
        if not tables.drops(self._connection, tables.IP, _FOREIGN_TABLE, _FOREIGN_CHAIN):
            return
        there = tables.is_there(self._connection, tables.IP, _FOREIGN_TABLE, _CHAIN_FOR_USERS)
        chain = _CHAIN_FOR_USERS if there else _FOREIGN_CHAIN
        if not self._foreign_rules(chain):
            nft.run(
                "".join(
                    f'insert rule ip {_FOREIGN_TABLE} {chain} {way} "{self._bridge}" counter accept '
                    f'comment "{self._bridge}"\n'
                    for way in ("iifname", "oifname")
                )
            )

    def publish(self, address: str, publications: list[Publication]) -> None:
        """Send what comes to ports of the host to a container.

        Raises:
            NetworkFirewallRefused: above all, a port is published already; then none of these is.
        """
        if publications:
            nft.run("".join(f"add element {self._element(each, address)}\n" for each in publications))
        for publication in publications:
            if publication.protocol == "udp":
                tracking.forget_udp(self._connection, publication.first)

    def withdraw(self, address: str, publications: list[Publication]) -> None:
        """Undo `publish`, as far as it was done."""
        deletions = [f"delete element {self._element(each, address)}\n" for each in publications]
        # All at once where all are there, for the kernel takes 10 ms whatever their number is.
        if deletions and not _is_taken("".join(deletions)):
            for deletion in deletions:
                _is_taken(deletion)

    def remove(self) -> None:
        """Take all rules away. What is not there is removed already."""
        deletions = [self._deletion()] if tables.handle_of(self._connection, tables.INET, self._bridge) else []
        deletions += [
            f"delete rule ip {_FOREIGN_TABLE} {chain} handle {handle}"
            for chain in (_CHAIN_FOR_USERS, _FOREIGN_CHAIN)
            for handle in self._foreign_rules(chain)
        ]
        if deletions:
            nft.run("\n".join(deletions))

    def _deletion(self) -> str:
        return f"delete table inet {self._bridge}"

    def _element(self, publication: Publication, address: str) -> str:
        map_name, element = _entry(publication, address)
        return f"inet {self._bridge} {map_name} {{ {element} }}"

    def _foreign_rules(self, chain: str) -> list[int]:
        return tables.handles_of_rules(self._connection, tables.IP, (_FOREIGN_TABLE, chain), self._bridge)

    def _read(self) -> str:
        try:
            with open(self._record, encoding="utf-8") as file:
                return file.read()
        except OSError:
            return ""


def _table(bridge: str, subnet: Subnet, published: Published) -> str:
    """The whole table, in the language of nft(8)."""
    entries: dict[str, list[str]] = {"anywhere": [], "at": []}
    for address, publication in published:
        map_name, element = _entry(publication, address)
        entries[map_name].append(element)
    elements = {name: f"elements = {{ {', '.join(each)} }}" if each else "" for name, each in entries.items()}
    return f"""table inet {bridge} {{
    map anywhere {{
        type inet_proto . inet_service : ipv4_addr . inet_service
        {elements["anywhere"]}
    }}
    map at {{
        type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
        {elements["at"]}
    }}
    chain loopback {{
        type filter hook prerouting priority raw; policy accept;
        iifname "{bridge}" ip daddr 127.0.0.0/8 drop
    }}
    chain published {{
        dnat ip to ip daddr . meta l4proto . th dport map @at
        dnat ip to meta l4proto . th dport map @anywhere
    }}
    chain incoming {{
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local jump published
    }}
    chain own {{
        type nat hook output priority -100; policy accept;
        fib daddr type local jump published
    }}
    chain outgoing {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {subnet} oifname != "{bridge}" masquerade
        ip saddr {{ 127.0.0.0/8, {subnet} }} oifname "{bridge}" ct status dnat masquerade
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname != "{bridge}" oifname "{bridge}" ct state != {{ established, related }} ct status & dnat == 0 drop
    }}
}}
"""


def _is_taken(rules: str) -> bool:
    """Take rules up, which are refused only where what they delete is not there."""
    try:
        nft.run(rules)
    except NetworkFirewallRefused:
        return False
    return True


def _entry(publication: Publication, address: str) -> tuple[str, str]:
    """The map in which a published port stands, and what stands there."""
    value = f"{publication.protocol} . {publication.first} : {address} . {publication.port}"
    if publication.address == EVERY_ADDRESS:
        return "anywhere", value
    return "at", f"{publication.address} . {value}"
