"""The audit log in the web API, and the refusals that it tells of."""

from __future__ import annotations

import json
from pathlib import Path

from registry import limits
from registry.metadata.audit_values import AuditSearch
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.context import Services, now
from tests.registry.assembly import Rules, open_services
from tests.registry.http.serving import Client, Serve
from tests.registry.http.web_api.reading import refused_parameter
from tests.registry.metadata.raw_sql import execute
from tests.registry.pushing import Pusher

AUDIT = "/api/v1/audit"


async def test_a_page_leads_to_older_entries(client: Client, http_services: Services) -> None:
    for tag in ("1", "2"):
        await Pusher.to(http_services, "team/app").image(tag, layers=[tag.encode()])

    first = (await client.get(f"{AUDIT}?limit=2")).document
    second = (await client.get(f"{AUDIT}?limit=100&cursor={first['next_cursor']}")).document

    assert [entry["action"] for entry in first["entries"]] == ["tag.moved", "manifest.pushed"]
    assert first["entries"][0]["previous"] == first["entries"][1]["hash"]
    assert [entry["action"] for entry in second["entries"]] == ["tag.moved", "manifest.pushed"]
    assert second["next_cursor"] is None


async def test_entries_are_filtered(client: Client, http_services: Services) -> None:
    await Pusher.to(http_services, "team/app").image("1")
    await Pusher.to(http_services, "team/web").image("2")

    query = "target=team/web&action=tag.moved&actor=anonymous&outcome=done&since=2020-01-01T00:00:00Z"
    [entry] = (await client.get(f"{AUDIT}?{query}")).document["entries"]

    assert json.loads(entry["detail"])["tag"] == "2"
    assert (await client.get(f"{AUDIT}?until=2020-01-01T00:00:00Z")).document["entries"] == []


async def test_a_malformed_filter_is_named(client: Client) -> None:
    assert refused_parameter(await client.get(f"{AUDIT}?since=yesterday"))[0] == "since"
    assert refused_parameter(await client.get(f"{AUDIT}?outcome=maybe"))[0] == "outcome"
    assert refused_parameter(await client.get(f"{AUDIT}?actor="))[0] == "actor"
    assert refused_parameter(await client.get(f"{AUDIT}?cursor=abc"))[0] == "cursor"


async def test_a_refused_request_is_put_down(serve: Serve, storage_root: Path, sqlite_url: str) -> None:
    async with open_services(storage_root, sqlite_url, policy=Rules()) as services:
        client = await serve(services=services)
        answer = await client.get("/v2/team/app/tags/list")
        await services.refusals.flush(services.database)
        [row] = await audit.page(services, AuditSearch(), None, 10)

    assert answer.status == 403
    entry = row.entry
    assert (entry.actor, entry.action, entry.target) == ("anonymous", "request.refused", "team/app")
    assert (entry.address, entry.outcome) == ("127.0.0.1", "refused")
    assert entry.request_id == answer.headers["X-Request-ID"]
    assert json.loads(entry.detail) == {"status": 403, "method": "GET", "path": "/v2/team/app/tags/list"}


async def test_an_export_has_every_entry_on_a_line_of_its_own(client: Client, http_services: Services) -> None:
    for tag in ("1", "2"):
        await Pusher.to(http_services, "team/app").image(tag, layers=[tag.encode()])

    answer = await client.get(f"{AUDIT}/export?action=tag.moved")
    nothing = await client.get(f"{AUDIT}/export?actor=nobody")
    head = await client.ask("HEAD", f"{AUDIT}/export")

    page = (await client.get(f"{AUDIT}?action=tag.moved")).document["entries"]
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/jsonl")
    assert [json.loads(line) for line in answer.body.splitlines()] == page[::-1]
    assert (nothing.status, nothing.body, head.status, head.body) == (200, b"", 200, b"")
    assert head.headers["Content-Type"] == answer.headers["Content-Type"]
    assert refused_parameter(await client.get(f"{AUDIT}/export?limit=1"))[0] == "limit"


async def test_a_long_export_is_sent_while_it_is_read(client: Client, http_services: Services) -> None:
    def fill(tx: Transaction) -> None:
        for number in range(limits.AUDIT_BATCH + 1):
            audit.record(tx, audit.Action.LOGIN, actor=f"user:{number}", target="", moment=now())

    await http_services.database.write(fill)

    answer = await client.get(f"{AUDIT}/export")

    entries = [json.loads(line) for line in answer.body.splitlines()]
    assert [entry["id"] for entry in entries] == list(range(1, limits.AUDIT_BATCH + 2))
    assert answer.headers["Transfer-Encoding"] == "chunked"


async def test_the_chain_is_verified(client: Client, http_services: Services, sqlite_url: str) -> None:
    await Pusher.to(http_services, "team/app").image("1")
    whole = (await client.get(f"{AUDIT}/verification")).document
    await execute(sqlite_url, "UPDATE audit SET target = 'team/other' WHERE id = 2")
    altered = (await client.get(f"{AUDIT}/verification")).document

    assert (whole["entries"], whole["start"]["id"], whole["head"]["id"], whole["faults"]) == (2, 0, 2, [])
    assert altered["faults"] == [{"entry": 2, "reason": "it was altered"}]
    assert altered["head"] == whole["head"]
