"""Addresses and routes are made by our messages, and pyroute2 tells what they are then."""

import pytest

from runner.netlink import addresses, links, routes
from runner.netlink.connection import Connection
from runner.netlink.errors import NetlinkRefused
from runner.netlink.links import Port
from tests.runner.netlink.conftest import Oracle
from tests.runner.netlink.test_links import attribute, index

pytestmark = pytest.mark.root


@pytest.fixture
def link(connection: Connection) -> int:
    """The index of a link that is up, and has a carrier."""
    links.create_veth(connection, Port("port0"), Port("port1"))
    links.set_up(connection, index(connection, "port1"))
    return index(connection, "port0")


@pytest.mark.parametrize(
    ("address", "prefix", "family", "broadcast"),
    [
        ("10.1.2.3", 16, 2, "10.1.255.255"),
        ("192.168.7.9", 30, 2, "192.168.7.11"),
        ("10.1.2.3", 31, 2, None),
        ("10.1.2.3", 32, 2, None),
        ("fd00:1::2", 64, 10, None),
    ],
)
def test_an_address_is_given_and_taken(
    namespace: int, connection: Connection, link: int, oracle: Oracle,
    address: str, prefix: int, family: int, broadcast: str | None,
) -> None:  # fmt: skip
    addresses.add(connection, link, address, prefix)

    (given,) = [
        answer
        for answer in oracle(namespace, "get_addr", family=family, index=link)
        if attribute(answer, "IFA_ADDRESS") == address
    ]
    assert given["prefixlen"] == prefix
    assert attribute(given, "IFA_BROADCAST") == broadcast
    version = 4 if family == 2 else 6
    assert (address, prefix, link) in [(a.address, a.prefix, a.index) for a in addresses.all_of(connection, version)]

    addresses.delete(connection, link, address, prefix)

    assert address not in [each.address for each in addresses.all_of(connection, version)]


def test_an_address_of_version_6_is_used_at_once(
    namespace: int, connection: Connection, link: int, oracle: Oracle
) -> None:
    addresses.add(connection, link, "fd00:1::2", 64)

    (given,) = [
        answer
        for answer in oracle(namespace, "get_addr", family=10, index=link)
        if attribute(answer, "IFA_ADDRESS") == "fd00:1::2"
    ]
    tentative = 0x40
    assert not attribute(given, "IFA_FLAGS") & tentative


def test_an_address_is_not_given_twice(connection: Connection, link: int) -> None:
    addresses.add(connection, link, "10.1.2.3", 16)

    with pytest.raises(NetlinkRefused) as refused:
        addresses.add(connection, link, "10.1.2.3", 16)

    assert refused.value.is_presence


@pytest.mark.parametrize("text", ["", "10.1.2", "10.1.2.3/16", "10.1.2.256", "fd00::g", "\0"])
def test_what_is_no_address_is_refused(connection: Connection, link: int, text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        addresses.add(connection, link, text, 16)


@pytest.mark.parametrize(
    ("own", "network", "prefix", "gateway"),
    [
        ("10.1.2.3", "0.0.0.0", 0, "10.1.0.1"),
        ("10.1.2.3", "172.30.0.0", 15, "10.1.0.1"),
        ("10.1.2.3", "192.0.2.0", 24, None),
        ("fd00:1::2", "::", 0, "fd00:1::1"),
        ("fd00:1::2", "fd00:2::", 64, None),
    ],
)
def test_a_route_is_made_and_taken_away(
    namespace: int, connection: Connection, link: int, oracle: Oracle,
    own: str, network: str, prefix: int, gateway: str | None,
) -> None:  # fmt: skip
    version = 6 if ":" in own else 4
    addresses.add(connection, link, own, 64 if version == 6 else 16)

    routes.add(connection, network, prefix, gateway=gateway, index=link)

    theirs = {
        (
            attribute(answer, "RTA_DST"),
            answer["dst_len"],
            attribute(answer, "RTA_GATEWAY"),
            attribute(answer, "RTA_OIF"),
        )
        for answer in oracle(namespace, "get_routes", family=10 if version == 6 else 2, table=254)
    }
    assert (network if prefix else None, prefix, gateway, link) in theirs
    ours = [(each.network, each.prefix, each.gateway, each.index) for each in routes.all_of(connection, version)]
    assert (network, prefix, gateway, link) in ours
    assert len(ours) == len(theirs)

    routes.delete(connection, network, prefix, gateway=gateway, index=link)

    assert (network, prefix) not in [(each.network, each.prefix) for each in routes.all_of(connection, version)]


def test_a_gateway_that_is_nowhere_is_refused_in_the_kernels_words(connection: Connection, link: int) -> None:
    with pytest.raises(NetlinkRefused, match="Nexthop has invalid gateway"):
        routes.add(connection, "0.0.0.0", 0, gateway="10.9.9.9")
