"""The audit log: what is put down, that alterations show, and that what is removed leaves the rest provable."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry import limits
from registry.jobs import audit_retention
from registry.metadata.audit_values import AuditRow, AuditSearch
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.observability import request_context
from registry.observability.request_context import RequestContext
from registry.services import audit, deletion, mounts, protections, tags
from registry.services.context import Services, now
from registry.services.events import EventKind
from registry.services.refusals import Refusal, Refusals
from registry.services.tag_pattern import TagPattern
from tests.registry.assembly import access_to
from tests.registry.metadata.raw_sql import execute
from tests.registry.pushing import Pusher
from tests.registry.uploading import push_blob

ACCESS = access_to("team/app")
LATEST = Tag.parse("latest")


async def rows(services: Services) -> list[AuditRow]:
    return [row async for row in audit.export(services, AuditSearch())]


async def fill(services: Services, count: int) -> None:
    def unit(tx: Transaction) -> None:
        for number in range(count):
            audit.record(tx, audit.Action.LOGIN, actor=f"user:{number}", target="", moment=now())

    await services.database.write(unit)


async def faults(services: Services) -> list[tuple[int, str]]:
    return [(fault.entry, fault.reason) for fault in (await audit.verify(services)).faults]


async def test_every_change_but_a_pushed_blob_has_its_entry(services: Services) -> None:
    context = RequestContext("r1", address="192.0.2.1", credential="personal:7")
    with request_context.serving(context):
        image = await Pusher.to(services, "team/app").image("1")
        digest = Digest.parse(image["digest"])
        await tags.point(services, ACCESS, LATEST, digest)
        await deletion.tag(services, ACCESS, LATEST)
        await deletion.manifest(services, ACCESS, digest)
        blob = await push_blob(services, ACCESS, b"blob")
        await mounts.mount(services, access_to("team/web"), blob, RepositoryName.parse("team/app"))
        await deletion.blob(services, ACCESS, blob)
        await deletion.repository(services, ACCESS)

    entries = [row.entry for row in await rows(services)]

    told = [(entry.action, json.loads(entry.detail)) for entry in entries]
    assert told == [
        ("manifest.pushed", {"digest": str(digest)}),
        ("tag.moved", {"digest": str(digest), "tag": "1"}),
        ("tag.moved", {"digest": str(digest), "tag": "latest"}),
        ("tag.deleted", {"tag": "latest"}),
        ("tag.deleted", {"tag": "1"}),
        ("manifest.deleted", {"digest": str(digest)}),
        ("blob.linked", {"digest": str(blob), "source": "team/app"}),
        ("blob.unlinked", {"digest": str(blob)}),
        ("repository.deleted", {}),
    ]
    # A pushed blob has none: the manifest that needs it has one.
    assert [entry.target for entry in entries if entry.action == "blob.linked"] == ["team/web"]
    origins = {(entry.actor, entry.address, entry.request_id, entry.credential) for entry in entries}
    assert origins == {("anonymous", "192.0.2.1", "r1", "personal:7")}
    assert await faults(services) == []


async def test_protections_have_their_entries(services: Services) -> None:
    await Pusher.to(services, "team/app").image("1")
    pattern = TagPattern.parse("v*")
    for _ in range(2):
        await protections.protect(services, ACCESS, pattern)
    await protections.unprotect(services, ACCESS, pattern)

    entries = [row.entry for row in (await rows(services))[-2:]]

    assert [(entry.action, entry.detail) for entry in entries] == [
        ("tags.protected", '{"pattern":"v*"}'),
        ("tags.unprotected", '{"pattern":"v*"}'),
    ]


def test_every_event_of_a_repository_has_an_action() -> None:
    actions = {str(action) for action in audit.Action}

    assert {str(kind) for kind in EventKind} - actions == {EventKind.BLOB_REMOVED}


async def test_what_changes_nothing_is_not_put_down(services: Services) -> None:
    await Pusher.to(services, "team/app").image("1")
    before = len(await rows(services))

    with pytest.raises(Exception, match="latest"):
        await deletion.tag(services, ACCESS, LATEST)

    assert len(await rows(services)) == before


async def test_texts_of_clients_are_bounded_and_escaped(services: Services) -> None:
    def unit(tx: Transaction) -> None:
        text = "a\nb\x00\ud800é" + "x" * 10_000
        audit.record(tx, audit.Action.LOGIN, actor=text, target=text, moment=now(), detail={"name": text})

    await services.database.write(unit)

    [row] = await rows(services)
    assert row.entry.actor.startswith("a\\nb\\x00\\ud800\\xe9x")
    assert len(row.entry.actor) < 2 * limits.AUDIT_TEXT_CHARACTERS
    assert await faults(services) == []


async def test_texts_that_differ_are_never_written_alike(services: Services) -> None:
    def unit(tx: Transaction) -> None:
        for text in ("a\nb", r"a\nb"):
            audit.record(tx, audit.Action.LOGIN, actor=text, target="", moment=now())

    await services.database.write(unit)

    assert [row.entry.actor for row in await rows(services)] == [r"a\nb", r"a\\nb"]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE audit SET actor = 'user:mallory' WHERE id = 3"], [(3, "it was altered")]),
        (["UPDATE audit SET at = at - 1 WHERE id = 3"], [(3, "it was altered")]),
        (["DELETE FROM audit WHERE id IN (3, 4)"], [(3, "2 missing before entry 5")]),
        (["DELETE FROM audit WHERE id = 1"], [(1, "1 missing before entry 2")]),
        (["DELETE FROM audit WHERE id > 4"], [(5, "2 missing at the end, which is entry 6")]),
        (["DELETE FROM audit"], [(1, "6 missing at the end, which is entry 6")]),
        (
            [
                "UPDATE audit SET id = 99 WHERE id = 3",
                "UPDATE audit SET id = 3 WHERE id = 4",
                "UPDATE audit SET id = 4 WHERE id = 99",
            ],
            [
                (3, "it does not follow the entry before it"),
                (3, "it was altered"),
                (4, "it does not follow the entry before it"),
                (4, "it was altered"),
                (5, "it does not follow the entry before it"),
            ],
        ),
        (
            ["DELETE FROM audit WHERE id = 6", "UPDATE audit_chain SET entry = 5 WHERE position = 'head'"],
            [(5, "it is not the entry that the chain ended with")],
        ),
        (
            ["UPDATE audit_chain SET entry = 5 WHERE position = 'head'"],
            [(6, "it stands behind the end, which is entry 5")],
        ),
    ],
)
async def test_whatever_is_altered_or_missing_shows(
    services: Services, database_url: str, statements: list[str], expected: list[tuple[int, str]]
) -> None:
    await fill(services, 6)
    assert await faults(services) == []

    for statement in statements:
        await execute(database_url, statement)

    assert await faults(services) == expected


async def test_a_long_chain_is_followed_in_batches(services: Services) -> None:
    await fill(services, limits.AUDIT_BATCH * 2 + 1)

    verified = await audit.verify(services)

    assert (verified.entries, verified.head.entry, verified.faults) == (limits.AUDIT_BATCH * 2 + 1, 2001, [])
    assert len(await rows(services)) == limits.AUDIT_BATCH * 2 + 1


async def test_retention_keeps_the_rest_provable(services: Services, database_url: str) -> None:
    await fill(services, 3)
    services.settings = type(services.settings)(audit_retention_s=3600)
    await audit_retention.run(services)
    assert len(await rows(services)) == 3

    assert await audit.trim(services, now() + timedelta(seconds=1)) == 3
    await fill(services, 2)

    verified = await audit.verify(services)
    assert (verified.entries, verified.start.entry, verified.head.entry, verified.faults) == (2, 3, 5, [])
    await execute(database_url, "DELETE FROM audit WHERE id = 4")
    assert await faults(services) == [(4, "1 missing before entry 5")]


def refusal(moment: datetime) -> Refusal:
    return Refusal(
        actor="anonymous",
        target="team/app",
        status=403,
        method="GET",
        path="/v2/team/app/tags/list",
        context=RequestContext("r1", address="192.0.2.1"),
        moment=moment,
    )


async def test_refusals_beyond_a_minutes_bound_are_one_entry_that_counts_them(database: Database) -> None:
    dropped: list[int] = []
    refusals = Refusals(lambda: dropped.append(1))
    moment = now() - timedelta(minutes=2)

    for _ in range(limits.AUDIT_REFUSALS_PER_MINUTE + 7):
        refusals.note(refusal(moment))
    await refusals.flush(database)
    await refusals.flush(database)

    found = await database.read(lambda tx: tx.audit.newer(AuditSearch(outcome="refused"), 0, 10_000))
    assert len(found) == limits.AUDIT_REFUSALS_PER_MINUTE + 1
    assert json.loads(found[0].entry.detail) == {"status": 403, "method": "GET", "path": "/v2/team/app/tags/list"}
    assert (found[-1].entry.action, json.loads(found[-1].entry.detail)) == ("refusals.counted", {"refusals": 7})
    assert len(dropped) == 7


async def test_refusals_while_the_database_is_away_are_one_minutes_and_a_count(database: Database) -> None:
    dropped: list[int] = []
    refusals = Refusals(lambda: dropped.append(1))
    noted = 0
    for minute in range(60, 1, -1):
        for _ in range(limits.AUDIT_REFUSALS_PER_MINUTE + 1):
            refusals.note(refusal(now() - timedelta(minutes=minute)))
            noted += 1

    await refusals.flush(database)
    await refusals.flush(database)

    found = await database.read(lambda tx: tx.audit.newer(AuditSearch(outcome="refused"), 0, 10_000))
    counts = [json.loads(row.entry.detail)["refusals"] for row in found if row.entry.action == "refusals.counted"]
    assert len(found) <= limits.AUDIT_REFUSALS_PER_MINUTE + 3
    assert len(found) - len(counts) + sum(counts) == noted
    assert sum(counts) == len(dropped)
