from datetime import timedelta

import pytest

from registry import limits
from registry.auth.subject import ANONYMOUS, OPERATOR
from registry.errors import Denied
from registry.metadata.node_rows import Node
from registry.metadata.revision import HEAD
from registry.metadata.transaction import Transaction
from registry.services import installation, status
from registry.services.context import Services, now
from tests.registry.assembly import OpenWorker, Rules
from tests.registry.pushing import Pusher


def see(tx: Transaction, node: Node) -> None:
    tx.nodes.see(node)


async def test_the_status_tells_of_nodes_jobs_queues_and_storage(services: Services) -> None:
    moment = now()
    later = moment + timedelta(minutes=1)
    dead = moment - timedelta(seconds=3 * limits.NODE_BEAT_S)
    nodes = [
        Node(name=name, host=name, version="1", url=url, workers=2, started_at=dead, seen_at=seen_at)
        for name, url, seen_at in (("one", "http://one:5000", moment), ("two", None, dead))
    ]
    for node in nodes:
        await services.database.write(see, node)
    await services.database.write(lambda tx: tx.leases.acquire("held", "somebody", until=later, now=moment))
    await services.database.write(lambda tx: tx.leases.acquire("free", "nobody", until=moment, now=moment))
    await services.database.ping()
    await Pusher.to(services, "team/app").image("1")
    identity = await installation.require_pair(services.database, services.store)

    found = await status.of(services, OPERATOR)

    assert (found.schema_revision, found.program_revision, found.installation) == (HEAD, HEAD, identity)
    assert [(each.node, each.is_alive) for each in found.nodes] == [(nodes[0], True), (nodes[1], False)]
    assert [(job.name, job.owner) for job in found.jobs] == [("free", None), ("held", "somebody")]
    assert found.unwritten_changes.waiting > 0
    assert found.unwritten_changes.oldest is not None
    assert found.unwritten_changes.oldest >= moment
    assert found.uploads == 0
    assert found.storage.blobs == 2
    assert found.storage.size > 0


async def test_the_status_is_for_administrators(open_worker: OpenWorker) -> None:
    services = await open_worker(policy=Rules())

    with pytest.raises(Denied):
        await status.of(services, ANONYMOUS)
