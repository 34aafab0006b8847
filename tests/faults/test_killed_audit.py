"""kill -9 while tags are moved: each move has its audit entry, each entry its move, and the chain holds."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from random import Random

from oci_spec.reference import Tag
from registry.metadata.audit_values import AuditSearch
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.context import Services
from tests.faults.acts import expected
from tests.faults.killing import kill
from tests.faults.web import Interrupted, Web, open_web
from tests.registry.app.processes import running
from tests.registry.assembly import access_to, open_services
from tests.registry.pushing import Pusher

NAME = "team/app"
TAGS = [f"t{number}" for number in range(8)]
KILLS = 3
MOVES_BEFORE_A_KILL = 100
MOST_MOVES = 100_000


async def test_every_move_has_its_entry_and_every_entry_its_move(tmp_path: Path, database_url: str) -> None:
    seed = secrets.randbelow(10**6)
    chance = Random(seed)
    acknowledged: Counter[str] = Counter()
    async with open_services(tmp_path / "data" / "storage", database_url) as services:
        digests = [await pushed(services, layer) for layer in (b"one", b"two")]

    for _ in range(KILLS):
        await move_until_killed(tmp_path / "data", database_url, digests, acknowledged, chance)

    async with open_services(tmp_path / "data" / "storage", database_url) as services:
        verified = await audit.verify(services)
        moves, told = await services.database.read(moves_and_entries)
    assert verified.faults == [], seed
    assert verified.entries == verified.head.entry
    assert told == moves, seed
    assert all(len(told[tag]) >= acknowledged[tag] > 0 for tag in TAGS), seed


async def pushed(services: Services, layer: bytes) -> str:
    return str((await Pusher.to(services, NAME).image(layers=[layer]))["digest"])


async def move_until_killed(
    data: Path, database_url: str, digests: Sequence[str], acknowledged: Counter[str], chance: Random
) -> None:
    """Serve the registry, let each tag be moved to and fro, and kill all of its processes in the middle of that."""
    enough, sent = asyncio.Event(), count(1)

    def heard(_: str) -> None:
        if next(sent) == MOVES_BEFORE_A_KILL:
            enough.set()

    with running(data, "server.workers=2", f"database.url={database_url}") as registry:
        async with open_web(registry.port) as web:
            web.heard = heard
            web.open_gate()
            async with asyncio.TaskGroup() as tasks:
                movers = [tasks.create_task(move(web, tag, digests, acknowledged)) for tag in TAGS]
                await enough.wait()
                await kill([registry.process.pid, *registry.workers()], chance, Counter(), web.about_to_kill)
                await web.quiet()
                for mover in movers:
                    mover.cancel()


async def move(web: Web, tag: str, digests: Sequence[str], acknowledged: Counter[str]) -> None:
    for number in count():
        body = json.dumps({"digest": digests[number % 2]})
        try:
            expected(await web.ask("PUT tag", "PUT", f"/api/v1/repositories/{NAME}/tags/{tag}", body=body), 204)
        except Interrupted:
            return
        # What it named when the registry was killed is not known: the first may have been no move.
        acknowledged[tag] += number > 0


def moves_and_entries(tx: Transaction) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What each tag named, newest first, as its history and as the audit log tell it at the same moment."""
    repository = tx.repositories.find(access_to(NAME).repository)
    assert repository is not None
    moves = {
        tag: [str(row.digest) for row in tx.tags.history(repository.id, Tag.parse(tag), MOST_MOVES)] for tag in TAGS
    }
    told: dict[str, list[str]] = {tag: [] for tag in TAGS}
    for row in tx.audit.older(AuditSearch(action="tag.moved", target=NAME), None, MOST_MOVES):
        detail = json.loads(row.entry.detail)
        told[detail["tag"]].append(detail["digest"])
    return moves, told
