import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from runner.netlink import addresses, links, routes
from runner.netlink.connection import Connection
from runner.netlink.links import Port
from runner.netlink.namespaces import connect, inside
from runner.network.networks import BRIDGE, Attachment, Networks, NetworkSettings
from runner.network.publications import parse
from tests.requirements import require_root, require_tool
from tests.runner.namespaces import network_namespace

# It ends a test that hangs.
DEADLINE_S = 90.0
REFUSED_S = 0.4
Result = TypeVar("Result")

# The machine that stands for the world, and the host's address there.
WORLD = "192.0.2.1"
HOST = "192.0.2.2"


class Attach(Protocol):
    """Connects a new container to the bridge."""

    def __call__(self, *published: str, container: str = ...) -> tuple[int, Attachment]: ...


def index(connection: Connection, name: str) -> int:
    found = links.find(connection, name)
    assert found is not None
    return found.index


@pytest.fixture
def host() -> Iterator[int]:
    """A descriptor of the network namespace that plays the host: the machine's own is left alone."""
    require_root()
    require_tool("nft")
    with network_namespace() as descriptor:
        with connect(descriptor) as connection:
            links.set_up(connection, index(connection, "lo"))
        yield descriptor


@pytest.fixture
def world(host: int) -> Iterator[int]:
    """A descriptor of another machine's namespace, one cable away from the host."""
    with network_namespace() as descriptor:
        with connect(host) as here, connect(descriptor) as there:
            links.create_veth(here, Port("uplink0"), Port("eth0", namespace=descriptor))
            addresses.add(here, index(here, "uplink0"), HOST, 24)
            links.set_up(there, index(there, "lo"))
            links.set_up(there, index(there, "eth0"))
            addresses.add(there, index(there, "eth0"), WORLD, 24)
            # As on a machine that uses the host as its way to the containers, which it must not be.
            routes.add(there, "10.0.0.0", 8, gateway=HOST)
            routes.add(here, "0.0.0.0", 0, gateway=WORLD)
        yield descriptor


@pytest.fixture
def networks(tmp_path: Path) -> Networks:
    return Networks(str(tmp_path / "network"))


@pytest.fixture
def attach(host: int, networks: Networks) -> Iterator[Attach]:
    """Connects containers, each in a namespace of its own, which is gone after the test."""
    with ExitStack() as stack:
        count = iter(range(1000))

        def connect_one(*published: str, container: str = "") -> tuple[int, Attachment]:
            namespace = stack.enter_context(network_namespace())
            publications = tuple(each for text in published for each in parse(text))
            settings = NetworkSettings(BRIDGE, publications=publications)
            name = container or f"container{next(count)}"
            attachment = inside(host, lambda: networks.attach(namespace, name, settings))
            for held in attachment.ports:
                stack.callback(held.socket.close)
            return namespace, attachment

        yield connect_one


def serve(namespace: int, port: int, *, address: str = "0.0.0.0", kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A socket that a client reaches; nothing has to run behind it."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, kind)
        made.bind((address, port))
        if kind == socket.SOCK_STREAM:
            made.listen()
        made.settimeout(DEADLINE_S)
        return made

    return inside(namespace, make)


def reach(namespace: int, address: str | None, port: int, server: socket.socket) -> str:
    """Connect from a namespace, and see to it that `server` is who answers; the client's address as it sees it."""
    assert address is not None
    with inside(namespace, lambda: socket.socket(socket.AF_INET, server.type)) as client:
        client.settimeout(DEADLINE_S)
        client.connect((address, port))
        if server.type == socket.SOCK_DGRAM:
            client.send(b"asked")
            asked, sender = server.recvfrom(100)
            server.sendto(b"answered " + asked, sender)
        else:
            accepted, sender = server.accept()
            with accepted:
                accepted.sendall(b"answered asked")
        assert client.recv(100) == b"answered asked"
    return str(sender[0])


def refuses(namespace: int, address: str | None, port: int) -> bool:
    """Whether nobody answers, with or without saying so."""
    assert address is not None
    with inside(namespace, socket.socket) as client:
        client.settimeout(REFUSED_S)
        try:
            client.connect((address, port))
        except OSError:
            return True
    return False


def names_of_links(namespace: int) -> set[str]:
    with connect(namespace) as connection:
        return {link.name for link in links.all_of(connection)}
