"""The network between nodes and their database is cut, again and again, in the middle of pushes.

The nodes stand in network namespaces; one link of each leads to the balancer and to S3, and another one to PostgreSQL.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

from tests.balancer import Node, balancer
from tests.faults.persistence import KINDS, Persistent
from tests.network_namespaces import Link, link_to, network_namespace
from tests.postgresql import running_cluster
from tests.requirements import require_root, require_tool
from tests.s3 import running_versitygw

pytestmark = [
    pytest.mark.root,
    pytest.mark.tool("haproxy"),
    pytest.mark.tool("ip"),
    pytest.mark.tool("nsenter"),
    pytest.mark.tool("postgres"),
    pytest.mark.tool("versitygw"),
    pytest.mark.timeout(600),
]

ROUNDS = 50
# Most cuts are over before anybody gives up; then the network repeats what it lost.
EVERY_LONG_CUT = 10
EVERY_CUT_OF_BOTH = 5
PORT = 5000
# Before a node that does not start is a failure.
STARTS = 10

_SEED = int(os.environ.get("SEED") or (1 if os.environ.get("CI") == "true" else secrets.randbelow(10**6)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands, and its ways."""

    namespace: str
    to_balancer: Link
    to_database: Link


@pytest.fixture
def places() -> Iterator[Sequence[Place]]:
    require_root()
    with place() as one, place() as other:
        yield one, other


@contextmanager
def place() -> Iterator[Place]:
    """A network namespace with two links."""
    with network_namespace() as name, link_to(name) as to_balancer, link_to(name) as to_database:
        yield Place(name, to_balancer, to_database)


async def test_a_network_that_is_cut_takes_nothing_acknowledged_with_it(
    places: Sequence[Place], tmp_path: Path
) -> None:
    chance = Random(_SEED)
    listen = {"listen_addresses": ",".join(place.to_database.address for place in places)}
    trust = {"pg_hba.conf": "local all all trust\nhost all all 198.18.0.0/15 trust\n"}
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(listen, trust))
        s3 = stack.enter_context(running_versitygw(addresses=[place.to_balancer.address for place in places]))
        database, port = cluster.create(), urlsplit(s3.endpoint).port
        nodes = []
        for number, place in enumerate(places):
            settings = (
                f"database.url=postgresql://postgres@{place.to_database.address}/{database}",
                "database.connect_timeout_s=0.5",
                "database.statement_timeout_s=0.5",
                *s3.flags(prefix="registry/", endpoint=f"http://{place.to_balancer.address}:{port}"),
                "server.workers=1",
                "auth.allow_open=true",
                "log.access=off",
            )
            nodes.append(started(tmp_path / f"node-{number}", place, *settings))
            stack.callback(nodes[-1].kill)
        clients = Persistent(stack.enter_context(balancer(tmp_path / "balancer.log", *nodes)), _SEED)

        async with clients.at_work():
            for number in range(ROUNDS):
                victims = places if number % EVERY_CUT_OF_BOTH == 0 else [chance.choice(places)]
                await clients.sending(KINDS[number % len(KINDS)])
                with ExitStack() as cuts:
                    for victim in victims:
                        cuts.enter_context(victim.to_database.cut())
                    if number % EVERY_LONG_CUT == 0:
                        await clients.failure()
                    elif len(victims) == 1:
                        # Until those clients wait that were sent to this node.
                        await clients.asking(3)
                await clients.pushed(1)

        await clients.verify(*(node.address for node in nodes))
    assert clients.failed


def started(data: Path, place: Place, *settings: str) -> Node:
    """A node in its place. On a machine that is busy, a database can be too slow for one that begins to wait for it."""
    within = (require_tool("nsenter"), f"--net=/run/netns/{place.namespace}")
    for _ in range(STARTS - 1):
        with suppress(AssertionError):
            return Node(data, *settings, address=f"{place.to_balancer.far_address}:{PORT}", within=within)
    return Node(data, *settings, address=f"{place.to_balancer.far_address}:{PORT}", within=within)
