"""What containers reach, and who reaches them: real packets between network namespaces, one of which is the host."""

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.netlink import addresses, links, routes
from runner.netlink.errors import NetlinkRefused
from runner.netlink.links import Port
from runner.netlink.namespaces import connect, inside
from runner.network import nft
from runner.network.errors import (
    NetworkBridgeForeign,
    NetworkSubnetTaken,
    NetworkToolMissing,
    PortUnavailable,
)
from runner.network.networks import BRIDGE, HOST, NONE, Networks, NetworkSettings
from runner.network.publications import parse
from tests.requirements import require_tool
from tests.runner.namespaces import network_namespace
from tests.runner.network import conftest
from tests.runner.network.conftest import Attach, index, names_of_links, reach, refuses, serve
from tests.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.tool("nft")]

BRIDGE_NAME = "moorage0"


def leases(networks: Networks) -> list[str]:
    return sorted(path.name for path in Path(networks._directory, "leases").iterdir())


def rules(host: int) -> str:
    """The host's rules, as nft shows them."""
    return run(host, "nft", "list", "ruleset")


def run(host: int, *command: str) -> str:
    """Run a program on the host."""
    program = [str(require_tool(command[0])), *command[1:]]
    return inside(host, lambda: subprocess.run(program, capture_output=True, text=True, check=True)).stdout


def test_a_container_without_a_network_has_its_loopback_and_nothing_else(host: int, networks: Networks) -> None:
    with network_namespace() as container:
        attachment = inside(host, lambda: networks.attach(container, "alone", NetworkSettings(NONE)))

        with serve(container, 80, address="127.0.0.1") as server:
            assert reach(container, "127.0.0.1", 80, server) == "127.0.0.1"
        assert names_of_links(container) == {"lo"}
    assert attachment.address is None
    assert names_of_links(host) == {"lo"}


def test_a_container_in_the_hosts_network_changes_nothing(host: int, networks: Networks) -> None:
    attachment = inside(host, lambda: networks.attach(host, "open", NetworkSettings(HOST)))

    assert (attachment.address, attachment.ports) == (None, [])
    assert names_of_links(host) == {"lo"}


def test_a_container_reaches_the_world_under_the_hosts_address(world: int, attach: Attach) -> None:
    container, _ = attach()

    with serve(world, 80) as server:
        assert reach(container, conftest.WORLD, 80, server) == conftest.HOST


def test_containers_reach_one_another_and_the_host_under_their_own_addresses(host: int, attach: Attach) -> None:
    (one, first), (other, second) = attach(), attach()

    assert first.address != second.address
    with serve(other, 80) as server:
        assert reach(one, second.address, 80, server) == first.address
        assert reach(host, second.address, 80, server) == first.gateway
    with serve(host, 80) as server:
        assert reach(one, first.gateway, 80, server) == first.address
    with serve(one, 80, address="127.0.0.1") as server:
        assert reach(one, "127.0.0.1", 80, server) == "127.0.0.1"


def test_what_is_told_of_an_attachment_is_so(host: int, attach: Attach) -> None:
    container, attachment = attach()

    with connect(container) as connection:
        link = links.find(connection, "eth0")
        assert link is not None
        assert (link.mac, link.mtu, link.is_up) == (attachment.mac, 1500, True)
        given = [each for each in addresses.all_of(connection, 4) if each.index == link.index]
        assert [(each.address, each.prefix) for each in given] == [(attachment.address, attachment.prefix)]
        assert attachment.gateway in {route.gateway for route in routes.all_of(connection, 4)}
        assert not [each for each in addresses.all_of(connection, 6) if each.index == link.index]
    assert attachment.link in names_of_links(host)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_published_port_is_reached_from_everywhere(host: int, world: int, attach: Attach, kind: int) -> None:
    suffix = "/udp" if kind == socket.SOCK_DGRAM else ""
    container, attachment = attach(f"8080:80{suffix}")
    other, others = attach()

    with serve(container, 80, kind=kind) as server:
        assert reach(world, conftest.HOST, 8080, server) == conftest.WORLD
        for address in (conftest.HOST, "127.0.0.1", attachment.gateway):
            reach(host, address, 8080, server)
        # Through the host, and so under an address that leads the answer back there.
        assert reach(other, conftest.HOST, 8080, server) == attachment.gateway
        assert reach(container, conftest.HOST, 8080, server) == attachment.gateway
        assert reach(other, attachment.address, 80, server) == others.address


def test_a_port_of_one_address_is_published_there_alone(host: int, world: int, attach: Attach) -> None:
    local, _ = attach("127.0.0.1:8080:80")
    outward, _ = attach(f"{conftest.HOST}:8080:80")

    with serve(local, 80) as of_local, serve(outward, 80) as of_outward:
        reach(host, "127.0.0.1", 8080, of_local)
        reach(world, conftest.HOST, 8080, of_outward)
        reach(host, conftest.HOST, 8080, of_outward)


def test_what_is_published_on_the_loopback_is_not_reached_from_the_world(world: int, attach: Attach) -> None:
    container, _ = attach("127.0.0.1:8080:80")

    with serve(container, 80):
        assert refuses(world, conftest.HOST, 8080)


def test_what_is_not_published_is_not_reached_from_the_world(world: int, attach: Attach) -> None:
    container, attachment = attach("8080:80")

    with serve(container, 81), serve(container, 80):
        assert refuses(world, attachment.address, 81)
        assert refuses(world, attachment.address, 80)
        assert refuses(world, conftest.HOST, 81)


def test_no_container_reaches_the_hosts_loopback(host: int, attach: Attach) -> None:
    container, attachment = attach()
    with connect(container) as connection:
        # The most that root can do in a container that may change its network.
        addresses.delete(connection, index(connection, "lo"), "127.0.0.1", 8)
        links.set_down(connection, index(connection, "lo"))
        inside(container, lambda: Path("/proc/sys/net/ipv4/conf/eth0/route_localnet").write_text("1"))
        routes.add(connection, "127.0.0.1", 32, gateway=attachment.gateway)

    with serve(host, 80, address="127.0.0.1"):
        assert refuses(container, "127.0.0.1", 80)


def test_a_port_of_another_program_is_not_published(host: int, attach: Attach) -> None:
    with serve(host, 8080), pytest.raises(PortUnavailable, match=r"0.0.0.0:8080/tcp: it is in use"):
        attach("8080:80")

    attach("8080:80")


def test_a_port_is_published_once(host: int, networks: Networks, attach: Attach) -> None:
    container, attachment = attach("8080:80", container="first")
    with pytest.raises(PortUnavailable, match="it is in use"):
        attach("127.0.0.1:8080:81")

    # Who held the port was killed; the container goes on.
    attachment.ports[0].socket.close()
    with pytest.raises(PortUnavailable, match="container first has it"):
        attach("127.0.0.1:8080:81")

    with serve(container, 80) as server:
        reach(host, "127.0.0.1", 8080, server)
    assert len(leases(networks)) == 1


def test_an_address_that_the_host_has_not_is_not_published(attach: Attach) -> None:
    with pytest.raises(PortUnavailable, match="the address is none of the host's"):
        attach("198.51.100.7:8080:80")


def test_ports_that_nobody_names_are_chosen(host: int, attach: Attach) -> None:
    container, attachment = attach("80", "81")

    first, second = (held.publication.first for held in attachment.ports)
    assert first != second
    with serve(container, 80) as server:
        reach(host, "127.0.0.1", first, server)


def test_the_first_free_port_of_a_range_is_taken(host: int, attach: Attach) -> None:
    with serve(host, 8080):
        _, attachment = attach("8080-8082:80")
        _, other = attach("8080-8082:80")
        with pytest.raises(PortUnavailable, match="8080-8082"):
            attach("8080-8082:80")

    assert [attachment.ports[0].publication.first, other.ports[0].publication.first] == [8081, 8082]


def test_what_is_detached_is_gone_and_may_be_again(host: int, networks: Networks, attach: Attach) -> None:
    _, attachment = attach("8080:80", "127.0.0.1:8081:81/udp", container="gone")
    attachment.ports[0].socket.close()
    assert "8080" in rules(host)
    assert "8081" in rules(host)

    for _ in range(2):
        inside(host, lambda: networks.detach("gone"))

    assert leases(networks) == []
    assert "elements" not in rules(host)
    _, again = attach("8080:80")
    assert again.address != attachment.address


def test_who_goes_on_sending_reaches_the_next_container(
    host: int, world: int, attach: Attach, networks: Networks
) -> None:
    with inside(world, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        for name in ("first", "second"):
            client.sendto(b"before", (conftest.HOST, 8080))
            container, attachment = attach("8080:80/udp", container=name)
            with serve(container, 80, kind=socket.SOCK_DGRAM) as server:
                client.sendto(b"asked", (conftest.HOST, 8080))

                # On a busy machine the first packet may still have been under way.
                received = server.recv(100)
                assert received == b"asked" or server.recv(100) == b"asked"
            attachment.ports[0].socket.close()
            inside(host, lambda: networks.detach(name))  # noqa: B023


def test_the_link_goes_with_the_namespace(host: int, networks: Networks) -> None:
    before = None
    for number in range(3):
        with network_namespace() as container:
            settings = NetworkSettings(BRIDGE, publications=tuple(parse("8080:80")))
            attachment = inside(host, lambda: networks.attach(container, "one", settings))  # noqa: B023
            attachment.ports[0].socket.close()
        if number == 1:
            inside(host, lambda: networks.detach("one"))
        until(lambda: names_of_links(host) == {"lo", BRIDGE_NAME})
        before = before or rules(host).count("dnat")

    inside(host, networks.reclaim)

    assert leases(networks) == []
    assert "elements" not in rules(host)


def test_a_container_that_is_attached_again_gives_up_what_it_had(host: int, networks: Networks, attach: Attach) -> None:
    _, first = attach("8080:80", container="one")
    first.ports[0].socket.close()

    _, second = attach("8080:81", container="one")

    assert leases(networks) == [f"{second.address}@one@{second.link}"]
    assert first.link not in names_of_links(host)
    assert f"{second.address} . 81" in rules(host)


def test_who_fails_leaves_nothing(host: int, networks: Networks, attach: Attach) -> None:
    attach()
    links_before, rules_before = names_of_links(host), rules(host)

    with network_namespace() as container:
        with connect(container) as connection:
            links.create_veth(connection, Port("eth0"), Port("eth1"))
        settings = NetworkSettings(BRIDGE, publications=tuple(parse("8080:80")))
        with pytest.raises(NetlinkRefused):
            inside(host, lambda: networks.attach(container, "two", settings))

    assert len(leases(networks)) == 1
    assert (names_of_links(host), rules(host)) == (links_before, rules_before)
    with serve(host, 8080):
        pass


def test_many_at_once_get_an_address_each(host: int, networks: Networks) -> None:
    with ExitStack() as stack:
        containers = [stack.enter_context(network_namespace()) for _ in range(24)]

        def attach(number: int) -> str | None:
            settings = NetworkSettings(BRIDGE)
            return inside(host, lambda: networks.attach(containers[number], f"one{number}", settings)).address

        with ThreadPoolExecutor(8) as pool:
            given = list(pool.map(attach, range(24)))

    assert len(set(given)) == 24


def test_rules_that_somebody_flushed_are_made_again_with_all_ports(host: int, world: int, attach: Attach) -> None:
    """CVE-2025-54388, CVE-2025-54410: another firewall's reload took what kept strangers out."""
    container, _ = attach("8080:80")
    run(host, "nft", "flush", "ruleset")

    attach("8081:80")

    with serve(container, 80) as server:
        reach(world, conftest.HOST, 8080, server)
    assert rules(host).count("table inet") == 1


def test_a_directory_that_was_lost_with_no_container_running_is_made_anew(
    host: int, networks: Networks, tmp_path: Path
) -> None:
    with network_namespace() as container:
        inside(host, lambda: networks.attach(container, "one", NetworkSettings(BRIDGE)))
    until(lambda: names_of_links(host) == {"lo", BRIDGE_NAME})

    other = Networks(str(tmp_path / "other"))
    with network_namespace() as container:
        inside(host, lambda: other.attach(container, "two", NetworkSettings(BRIDGE)))

    assert leases(other)[0].startswith("10.213.0.2@two@")


def test_a_bridge_of_somebody_else_is_left_alone(host: int, attach: Attach, networks: Networks) -> None:
    with connect(host) as connection:
        links.create_bridge(connection, Port(BRIDGE_NAME))
        links.create_veth(connection, Port("other0", master=index(connection, BRIDGE_NAME)), Port("other1"))

    with pytest.raises(NetworkBridgeForeign, match="ip link delete moorage0"):
        attach()

    assert leases(networks) == []
    assert rules(host) == ""


def test_the_network_is_none_of_the_hosts(host: int, attach: Attach) -> None:
    with connect(host) as connection:
        links.create_veth(connection, Port("lan0"), Port("lan1"))
        addresses.add(connection, index(connection, "lan0"), "10.213.7.1", 24)
        links.set_up(connection, index(connection, "lan1"))

    _, attachment = attach()

    assert attachment.address == "10.214.0.2"


def test_a_host_without_room_is_told(host: int, attach: Attach) -> None:
    with connect(host) as connection:
        links.create_veth(connection, Port("lan0"), Port("lan1"))
        links.set_up(connection, index(connection, "lan1"))
        routes.add(connection, "10.0.0.0", 8, index=index(connection, "lan0"))

    with pytest.raises(NetworkSubnetTaken, match=r"10.213.0.0/16"):
        attach()


@pytest.mark.tool("iptables")
@pytest.mark.parametrize("chain", ["DOCKER-USER", "FORWARD"])
def test_rules_that_drop_what_they_do_not_know_are_told_of_the_bridge(
    host: int, world: int, networks: Networks, attach: Attach, chain: str
) -> None:
    run(host, "iptables", "-P", "FORWARD", "DROP")
    if chain == "DOCKER-USER":
        run(host, "iptables", "-N", "DOCKER-USER")
        run(host, "iptables", "-A", "FORWARD", "-j", "DOCKER-USER")

    attach()
    container, attachment = attach("8080:80")

    with serve(container, 80) as server, serve(world, 80) as of_world:
        reach(world, conftest.HOST, 8080, server)
        reach(container, conftest.WORLD, 80, of_world)
        assert refuses(world, attachment.address, 80)
    accepted = [line for line in run(host, "iptables", "-S", chain).splitlines() if line.endswith("-j ACCEPT")]
    assert [f"-{way} {BRIDGE_NAME} " in line for way, line in zip("oi", accepted, strict=True)] == [True, True]

    inside(host, networks.remove)

    assert BRIDGE_NAME not in run(host, "iptables", "-S")


def test_everything_is_taken_away_at_once(host: int, networks: Networks, attach: Attach) -> None:
    attach("8080:80")

    for _ in range(2):
        inside(host, networks.remove)

    assert rules(host) == ""
    assert BRIDGE_NAME not in names_of_links(host)
    assert leases(networks) == []
    _, attachment = attach()
    assert attachment.address == "10.213.0.3"


def test_the_program_does_where_the_library_is_missing(
    host: int, attach: Attach, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nft, "_LIBRARY", "libnowhere.so.1")

    container, _ = attach("8080:80", container="one")

    with serve(container, 80) as server:
        reach(host, "127.0.0.1", 8080, server)
    inside(host, lambda: networks.detach("one"))
    assert "elements" not in rules(host)


def test_what_is_missing_is_named_before_anything_is_made(
    host: int, attach: Attach, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nft, "_LIBRARY", "libnowhere.so.1")
    monkeypatch.setattr(nft, "_PROGRAMS", ("/nowhere/nft",))

    with pytest.raises(NetworkToolMissing, match="apt-get install nftables"):
        attach()

    assert names_of_links(host) == {"lo"}
    assert leases(networks) == []


def test_no_descriptor_stays_open(host: int, networks: Networks) -> None:
    def attach() -> None:
        with network_namespace() as container:
            settings = NetworkSettings(BRIDGE, publications=tuple(parse("8080:80")))
            attachment = inside(host, lambda: networks.attach(container, "one", settings))
            attachment.ports[0].socket.close()
            inside(host, lambda: networks.detach("one"))

    attach()
    before = len(list(Path("/proc/self/fd").iterdir()))
    attach()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("container", ["", "a/b", "a@b", "a b", "ü", "a" * 300])
def test_what_is_no_id_is_refused(host: int, attach: Attach, networks: Networks, container: str) -> None:
    with pytest.raises(ValueError, match="is no container's ID"):
        inside(host, lambda: networks.attach(host, container, NetworkSettings(BRIDGE)))


def test_a_network_of_another_kind_is_refused(host: int, networks: Networks) -> None:
    with pytest.raises(ValueError, match="'macvlan' is no network"):
        inside(host, lambda: networks.attach(host, "one", NetworkSettings("macvlan")))


def test_nothing_is_asked_where_nothing_ever_was(tmp_path: Path) -> None:
    untouched = Networks(str(tmp_path / "nowhere"))

    untouched.detach("one")
    untouched.reclaim()
    untouched.remove()

    assert not (tmp_path / "nowhere").exists()
