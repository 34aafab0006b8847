import os
import select
import socket
import sys
from collections.abc import Iterator

import pytest

from registry.app.listening import Sockets, bind
from registry.app.port_owner import find_port_owner
from registry.app.refusals import AddressTaken, AddressUnusable
from registry.config.values import SocketAddress
from tests.ports import free_port


@pytest.fixture
def close_after() -> Iterator[list[Sockets]]:
    bound: list[Sockets] = []
    yield bound
    for sockets in bound:
        for listener in sockets:
            listener.close()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_every_worker_gets_a_socket_on_the_same_port(close_after: list[Sockets]) -> None:
    bound = bind(SocketAddress("127.0.0.1", 0), 3)
    close_after.extend(bound)

    ports = {listener.getsockname()[1] for [listener] in bound}
    assert len(bound) == 3
    assert len(ports) == 1
    assert ports != {0}


def test_connections_reach_every_socket(close_after: list[Sockets]) -> None:
    bound = bind(SocketAddress("127.0.0.1", 0), 2)
    close_after.extend(bound)
    for [listener] in bound:
        listener.listen()
    listeners = [listener for [listener] in bound]

    reached: set[int] = set()
    while len(reached) < len(listeners):
        with socket.create_connection(listeners[0].getsockname()) as client:
            [waiting], _, _ = select.select(listeners, [], [])
            accepted, peer = waiting.accept()
            with accepted:
                assert peer == client.getsockname()
            reached.add(waiting.fileno())


def test_a_port_that_this_process_listens_on_is_named_with_it(taken: int) -> None:
    with pytest.raises(AddressTaken) as raised:
        bind(SocketAddress("127.0.0.1", taken), 1)

    assert raised.value.owner is not None
    assert raised.value.owner.pid == os.getpid()
    assert str(raised.value).startswith(f"127.0.0.1:{taken} is taken by process {os.getpid()} (")


def test_another_registry_of_the_same_user_is_noticed_though_ports_can_be_shared(close_after: list[Sockets]) -> None:
    first = bind(SocketAddress("127.0.0.1", 0), 1)
    close_after.extend(first)
    port = first[0][0].getsockname()[1]
    first[0][0].listen()

    with pytest.raises(AddressTaken):
        bind(SocketAddress("127.0.0.1", port), 1)


def test_a_port_that_was_in_use_a_moment_ago_is_free() -> None:
    """The kernel remembers closed connections for a minute; a registry that restarts must not wait for that."""
    port = free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = listener.accept()
            # The side that closes first is the one that remembers.
            accepted.close()
            assert client.recv(1) == b""

    for [again] in bind(SocketAddress("127.0.0.1", port), 1):
        again.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.name.invalid"])
def test_an_address_that_is_not_this_machines_is_refused(host: str) -> None:
    with pytest.raises(AddressUnusable, match=f"cannot listen on {host}:0: "):
        bind(SocketAddress(host, 0), 1)


def test_localhost_is_every_loopback_address_that_it_names(close_after: list[Sockets]) -> None:
    [sockets] = bind(SocketAddress("localhost", 0), 1)
    close_after.append(sockets)

    assert {listener.getsockname()[1] for listener in sockets} == {sockets[0].getsockname()[1]}
    assert any(listener.getsockname()[0] == "127.0.0.1" for listener in sockets)


def test_every_interface_of_ipv6_is_one_of_ipv4_too(close_after: list[Sockets]) -> None:
    if not socket.has_dualstack_ipv6():
        with pytest.raises(AddressUnusable):
            bind(SocketAddress("::", 0), 1)
        return

    [[listener]] = bind(SocketAddress("::", 0), 1)
    close_after.append([listener])
    listener.listen()

    with socket.create_connection(("127.0.0.1", listener.getsockname()[1])) as client:
        assert client.getpeername()[1] == listener.getsockname()[1]


def test_nobody_owns_a_port_that_nobody_listens_on(taken: int) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))

        assert find_port_owner(silent.getsockname()[1]) is None


def test_the_owner_of_a_port_is_told_with_its_command(taken: int) -> None:
    owner = find_port_owner(taken)

    assert owner is not None
    assert sys.orig_argv[0] in owner.command
    assert len(owner.command) <= 121
