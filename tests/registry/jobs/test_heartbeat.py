import asyncio
from datetime import timedelta

from registry import limits
from registry.jobs import heartbeat
from registry.metadata.node_rows import Node
from registry.services.context import Services, now


async def listed(services: Services) -> list[str]:
    return [node.name for node in await services.database.read(lambda tx: tx.nodes.all())]


async def test_a_node_is_listed_while_it_runs_and_those_that_died_long_ago_are_forgotten(services: Services) -> None:
    began = now()
    node = Node("one", "host", "1", None, workers=1, started_at=began, seen_at=began)
    old = Node("old", "host", "1", None, 1, began, began - timedelta(seconds=limits.NODE_FORGOTTEN_S + 1))
    await services.database.write(lambda tx: tx.nodes.see(old))

    beating = asyncio.create_task(heartbeat.run(services, node))
    while await listed(services) != ["one"]:
        assert not beating.done()
    (seen,) = await services.database.read(lambda tx: tx.nodes.all())
    beating.cancel()
    await asyncio.wait([beating])

    assert seen.seen_at >= began
    assert await listed(services) == []
