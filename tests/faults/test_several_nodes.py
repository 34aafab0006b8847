"""Two nodes behind a balancer: one is killed in the middle of pushes, or their database is, again and again.

Clients that try again, as docker does, finish; all that was acknowledged is there afterwards, on either node.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tests.balancer import Balanced, balanced_registry
from tests.faults.persistence import KINDS, Persistent
from tests.postgresql import PostgresCluster, running_cluster
from tests.s3 import S3Server, running_versitygw

pytestmark = [
    pytest.mark.tool("haproxy"),
    pytest.mark.tool("postgres"),
    pytest.mark.tool("versitygw"),
    pytest.mark.timeout(300),
]

ROUNDS = 50
# A whole node takes a second to come back; a worker of one is replaced at once.
EVERY_WHOLE_NODE = 10
# Nobody is refused in a restart that is over before a client asks.
EVERY_REFUSAL = 2

_SEED = int(os.environ.get("SEED") or (1 if os.environ.get("CI") == "true" else secrets.randbelow(10**6)))


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    """A server that these tests may break."""
    with running_cluster() as started:
        yield started


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with running_versitygw() as started:
        yield started


@pytest.fixture
def balanced(cluster: PostgresCluster, s3: S3Server, tmp_path: Path) -> Iterator[Balanced]:
    settings = (
        f"database.url={cluster.url(cluster.create())}",
        *s3.flags(),
        "server.workers=1",
        "gc.interval_s=1",
        "gc.grace_s=0",
        "log.access=off",
    )
    with balanced_registry(
        tmp_path, *settings, first="from registry.app import supervisor\nsupervisor._SOON_S = 0.0\n"
    ) as started:
        yield started


async def test_a_node_that_is_killed_takes_nothing_acknowledged_with_it(balanced: Balanced) -> None:
    clients, chance = Persistent(balanced.address, _SEED), Random(_SEED)

    async with clients.at_work():
        for number in range(ROUNDS):
            await clients.sending(KINDS[number % len(KINDS)])
            node = chance.choice(balanced.nodes)
            if number % EVERY_WHOLE_NODE:
                _kill(node.registry.workers())
            else:
                _kill([node.registry.process.pid, *node.registry.workers()])
                await asyncio.to_thread(node.kill)
                await clients.pushed(1)
                await asyncio.to_thread(node.start_again)
            await clients.pushed(1)

    await clients.verify(*(node.address for node in balanced.nodes))
    assert clients.failed


async def test_a_database_that_is_restarted_takes_nothing_acknowledged_with_it(
    balanced: Balanced, cluster: PostgresCluster
) -> None:
    clients = Persistent(balanced.address, _SEED)

    async with clients.at_work():
        for number in range(ROUNDS):
            await clients.pushed(1)
            await asyncio.to_thread(cluster.stop)
            if number % EVERY_REFUSAL == 0:
                await clients.failure()
            await asyncio.to_thread(cluster.start)

    await clients.verify(*(node.address for node in balanced.nodes))
    assert clients.failed.total() >= ROUNDS / EVERY_REFUSAL


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
