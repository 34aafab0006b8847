import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.network.subnets import Subnet, hardware_address

networks = st.builds(
    lambda address, prefix: ipaddress.IPv4Network((address, prefix), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
)


@given(networks)
def test_a_network_is_read_and_written(network: ipaddress.IPv4Network) -> None:
    subnet = Subnet.parse(str(network))

    assert str(Subnet.parse(str(subnet))) == str(subnet) == str(network)
    assert subnet.gateway == str(network[1])


@given(networks, networks)
def test_networks_overlap_as_the_standard_library_says(
    one: ipaddress.IPv4Network, other: ipaddress.IPv4Network
) -> None:
    overlap = Subnet.parse(str(one)).overlaps(str(other.network_address), other.prefixlen)

    assert overlap == one.overlaps(other)


@pytest.mark.parametrize("text", ["", "10.0.0.0", "10.0.0/8", "10.0.0.0/0", "10.0.0.0/31", "10.0.0.0/x", "fd00::/64"])
def test_what_is_no_network_for_a_bridge_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        Subnet.parse(text)


def test_addresses_are_given_in_turn_and_none_twice() -> None:
    subnet = Subnet.parse("192.0.2.0/29")

    assert subnet.next_free(set(), after=None) == "192.0.2.2"
    assert subnet.next_free({"192.0.2.3"}, after="192.0.2.2") == "192.0.2.4"
    assert subnet.next_free({"192.0.2.2"}, after="192.0.2.6") == "192.0.2.3"
    assert subnet.next_free(set(), after="10.0.0.1") == "192.0.2.2"


def test_the_hosts_address_and_those_for_all_are_never_given() -> None:
    subnet = Subnet.parse("192.0.2.0/29")
    given: set[str] = set()
    while (address := subnet.next_free(given, after=None)) is not None:
        given.add(address)

    assert given == {f"192.0.2.{number}" for number in range(2, 7)}


def test_a_hardware_address_is_made_of_the_address() -> None:
    assert hardware_address("10.213.0.2") == "02:42:0a:d5:00:02"
