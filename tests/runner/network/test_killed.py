"""Whoever connects a container may be killed at any moment; the next one finds everything in order."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runner
from runner.netlink.namespaces import inside
from runner.network.networks import BRIDGE, Networks, NetworkSettings
from runner.network.publications import parse
from tests.runner.namespaces import network_namespace
from tests.runner.network.conftest import Attach, names_of_links, reach, serve
from tests.runner.network.test_networks import BRIDGE_NAME, leases, rules
from tests.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.tool("nft")]

ROOT = str(Path(runner.__file__).parent.parent)
# Says so when it begins, for loading takes longer than all that it is killed in.
PROGRAM = """
import ctypes, os, sys
sys.path.insert(0, {root!r})
from runner.network.networks import Networks, NetworkSettings
from runner.network.publications import parse
libc = ctypes.CDLL(None)
assert libc.setns({host}, 0x40000000) == 0
networks = Networks({directory!r})
host = os.open("/proc/self/ns/net", os.O_RDONLY)
print("ready", flush=True)
while True:
    assert libc.unshare(0x40000000) == 0
    container = os.open("/proc/self/ns/net", os.O_RDONLY)
    assert libc.setns(host, 0x40000000) == 0
    for published in ((), tuple(parse("8080:80"))):
        attachment = networks.attach(container, "killed", NetworkSettings("bridge", publications=published))
        for held in attachment.ports:
            held.socket.close()
        networks.detach("killed")
        networks.reclaim()
    os.close(container)
"""
ROUNDS = 40


def test_a_kill_at_any_moment_leaves_nothing_that_stays(
    host: int, networks: Networks, attach: Attach, tmp_path: Path
) -> None:
    moments = random.Random(7)
    program = PROGRAM.format(root=ROOT, host=host, directory=networks._directory)
    for _ in range(ROUNDS):
        command = [sys.executable, "-I", "-S", "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[host]) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == b"ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(moments.uniform(0, 0.06))
            os.kill(running.pid, signal.SIGKILL)

    until(lambda: names_of_links(host) <= {"lo", BRIDGE_NAME})
    container, attachment = attach("8080:80")

    assert leases(networks) == [f"{attachment.address}@container0@{attachment.link}"]
    assert names_of_links(host) == {"lo", BRIDGE_NAME, attachment.link}
    assert rules(host).count("8080") == 1
    with serve(container, 80) as server:
        reach(host, "127.0.0.1", 8080, server)


def test_a_container_goes_on_when_others_are_killed_and_cleared_away(
    host: int, networks: Networks, attach: Attach
) -> None:
    container, attachment = attach("8080:80")
    with network_namespace() as killed:
        settings = NetworkSettings(BRIDGE, publications=tuple(parse("8081:80")))
        other = inside(host, lambda: networks.attach(killed, "killed", settings))
        other.ports[0].socket.close()
    assert other.link is not None
    until(lambda: other.link not in names_of_links(host))

    inside(host, networks.reclaim)

    assert leases(networks) == [f"{attachment.address}@container0@{attachment.link}"]
    assert "8081" not in rules(host)
    with serve(container, 80) as server:
        reach(host, "127.0.0.1", 8080, server)


def test_a_link_of_which_no_lease_tells_is_cleared_away(host: int, networks: Networks) -> None:
    with network_namespace() as forgotten:
        attachment = inside(host, lambda: networks.attach(forgotten, "forgotten", NetworkSettings(BRIDGE)))
        inside(host, lambda: networks.detach("forgotten"))
        assert attachment.link in names_of_links(host)

        inside(host, networks.reclaim)

        assert attachment.link not in names_of_links(host)
        assert names_of_links(forgotten) == {"lo"}
