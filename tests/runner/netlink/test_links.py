"""Links are made and changed by our messages, and pyroute2 tells what they are then."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from runner.netlink import links
from runner.netlink.connection import Connection
from runner.netlink.errors import NetlinkRefused
from runner.netlink.links import Port
from tests.runner.netlink.conftest import Oracle

pytestmark = pytest.mark.root


def attribute(answer: Any, *names: str) -> Any:
    """What pyroute2 found in a message under these names, one in the other."""
    for name in names:
        answer = next((value for found, value in answer["attrs"] if found == name), None)
        if answer is None:
            return None
    return answer


def seen(oracle: Oracle, namespace: int) -> dict[str, Any]:
    return {attribute(answer, "IFLA_IFNAME"): answer for answer in oracle(namespace, "get_links")}


def index(connection: Connection, name: str) -> int:
    found = links.find(connection, name)
    assert found is not None
    return found.index


def test_a_bridge_is_made_with_its_hardware_address_and_up(
    namespace: int, connection: Connection, oracle: Oracle
) -> None:
    links.create_bridge(connection, Port("bridge0", mac="02:42:0a:00:00:01", mtu=1400))

    bridge = seen(oracle, namespace)["bridge0"]
    assert attribute(bridge, "IFLA_LINKINFO", "IFLA_INFO_KIND") == "bridge"
    assert attribute(bridge, "IFLA_ADDRESS") == "02:42:0a:00:00:01"
    assert attribute(bridge, "IFLA_MTU") == 1400
    assert bridge["flags"] & 1


def test_a_pair_is_made_across_namespaces_with_one_end_in_the_bridge(
    namespace: int, other_namespace: int, connection: Connection, oracle: Oracle
) -> None:
    links.create_bridge(connection, Port("bridge0"))
    bridge = index(connection, "bridge0")

    port = Port("port0", master=bridge, mtu=1300)
    links.create_veth(connection, port, Port("eth0", mac="02:42:0a:00:00:02", mtu=1300, namespace=other_namespace))

    here, there = seen(oracle, namespace), seen(oracle, other_namespace)
    assert attribute(here["port0"], "IFLA_LINKINFO", "IFLA_INFO_KIND") == "veth"
    assert attribute(here["port0"], "IFLA_MASTER") == bridge
    assert here["port0"]["flags"] & 1
    assert attribute(there["eth0"], "IFLA_ADDRESS") == "02:42:0a:00:00:02"
    assert [attribute(each, "IFLA_MTU") for each in (here["port0"], there["eth0"])] == [1300, 1300]
    assert "eth0" not in here


def test_what_is_found_is_what_pyroute2_finds(namespace: int, connection: Connection, oracle: Oracle) -> None:
    links.create_bridge(connection, Port("bridge0"))
    port = Port("port0", master=index(connection, "bridge0"))
    links.create_veth(connection, port, Port("port1"))

    theirs = seen(oracle, namespace)

    for ours in links.all_of(connection):
        answer = theirs.pop(ours.name)
        assert (ours.index, ours.is_up) == (answer["index"], bool(answer["flags"] & 1))
        assert ours.mac == attribute(answer, "IFLA_ADDRESS")
        assert ours.master == attribute(answer, "IFLA_MASTER")
        assert ours.mtu == attribute(answer, "IFLA_MTU")
        assert ours.kind == attribute(answer, "IFLA_LINKINFO", "IFLA_INFO_KIND")
        found = links.find(connection, ours.name)
        assert found is not None
        assert found.index == ours.index
    assert not theirs


def test_a_link_is_changed_in_every_way(namespace: int, connection: Connection, oracle: Oracle) -> None:
    links.create_bridge(connection, Port("bridge0"))
    links.create_veth(connection, Port("port0"), Port("port1"))
    port, bridge = index(connection, "port0"), index(connection, "bridge0")

    links.set_down(connection, port)
    links.rename(connection, port, "renamed")
    links.set_mtu(connection, port, 1234)
    links.set_mac(connection, port, "02:00:00:00:00:07")
    links.set_master(connection, port, bridge)
    links.set_port(connection, port, hairpin=True, isolated=True)

    changed = seen(oracle, namespace)["renamed"]
    assert not changed["flags"] & 1
    assert attribute(changed, "IFLA_MTU") == 1234
    assert attribute(changed, "IFLA_ADDRESS") == "02:00:00:00:00:07"
    assert attribute(changed, "IFLA_MASTER") == bridge
    data = ("IFLA_LINKINFO", "IFLA_INFO_SLAVE_DATA")
    assert attribute(changed, *data, "IFLA_BRPORT_MODE") == 1
    assert attribute(changed, *data, "IFLA_BRPORT_ISOLATED") == 1

    links.set_master(connection, port, None)
    links.set_up(connection, port)

    changed = seen(oracle, namespace)["renamed"]
    assert attribute(changed, "IFLA_MASTER") is None
    assert changed["flags"] & 1


@pytest.fixture
def process(other_namespace: int) -> Iterator[int]:
    """The id of a process in the other namespace."""
    program = "import ctypes, sys; print(ctypes.CDLL(None).setns(int(sys.argv[1]), 0), flush=True); sys.stdin.read()"
    command = [sys.executable, "-I", "-S", "-c", program, str(other_namespace)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[other_namespace]
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"0\n"
        yield running.pid


def test_a_link_moves_to_where_a_descriptor_or_a_process_is(
    namespace: int, other_namespace: int, process: int, connection: Connection, oracle: Oracle
) -> None:
    links.create_veth(connection, Port("port0"), Port("port1"))

    links.move_to_descriptor(connection, index(connection, "port0"), other_namespace)
    links.move_to_process(connection, index(connection, "port1"), process)

    assert list(seen(oracle, namespace)) == ["lo"]
    assert set(seen(oracle, other_namespace)) == {"lo", "port0", "port1"}


def test_a_pair_goes_as_a_whole(namespace: int, other_namespace: int, connection: Connection, oracle: Oracle) -> None:
    links.create_veth(connection, Port("port0"), Port("eth0", namespace=other_namespace))

    links.delete(connection, "port0")

    assert list(seen(oracle, namespace)) == list(seen(oracle, other_namespace)) == ["lo"]


def test_what_is_not_there_is_none_and_cannot_be_deleted(connection: Connection) -> None:
    assert links.find(connection, "nowhere0") is None
    with pytest.raises(NetlinkRefused) as refused:
        links.delete(connection, "nowhere0")

    assert refused.value.is_absence
    assert str(refused.value) == "delete the link nowhere0: No such device"


def test_what_is_there_is_not_made_again(connection: Connection) -> None:
    links.create_bridge(connection, Port("bridge0"))

    with pytest.raises(NetlinkRefused) as refused:
        links.create_bridge(connection, Port("bridge0"))

    assert refused.value.is_presence
    assert not refused.value.is_absence


def test_an_error_brings_the_kernels_own_words(connection: Connection) -> None:
    with pytest.raises(NetlinkRefused) as refused:
        links.create_bridge(connection, Port("bridge0", mtu=7))

    assert refused.value.number == errno.EINVAL
    assert refused.value.explanation == "mtu less than device minimum"
    assert str(refused.value) == "make the bridge bridge0: Invalid argument: 'mtu less than device minimum'"


def test_more_links_than_fit_into_one_datagram_are_listed(namespace: int, connection: Connection) -> None:
    for number in range(60):
        links.create_veth(connection, Port(f"a{number}"), Port(f"b{number}"))

    assert len(links.all_of(connection)) == 121
    assert links.names_of_all(connection) == {link.name for link in links.all_of(connection)}
