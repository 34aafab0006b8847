import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree

import pytest

from registry.metadata.database import open_database
from registry.metadata.node_rows import Node
from registry.metadata.transaction import Transaction
from registry.services import doctor
from registry.services.context import Services, now
from registry.services.doctor import Finding, Parts, Verdict
from registry.services.installation import OBJECT
from registry.services.upload_holds import DatabaseUploadHolds
from storage_backends.contract import BlobStore
from storage_backends.s3.store import S3BlobStore
from tests.postgresql import PostgresCluster
from tests.registry.assembly import ON_SQLITE
from tests.registry.metadata.raw_sql import execute
from tests.s3 import running_versitygw

MIB = 1 << 20


async def unreachable(url: str) -> bytes:
    raise ConnectionRefusedError(url)


async def found(services: Services, *, store: BlobStore | None = None, ahead_s: float = 0) -> dict[str, Finding]:
    def clock() -> datetime:
        return now() + timedelta(seconds=ahead_s)

    parts = Parts(services.database, store or services.store, MIB, unreachable, clock)
    return {finding.check: finding for finding in await doctor.examine(parts)}


def problems(findings: dict[str, Finding]) -> list[str]:
    return [name for name, finding in findings.items() if finding.verdict is Verdict.PROBLEM]


def a_node(host: str, *, version: str = "1", seen_s_ago: float = 0) -> Node:
    moment = now()
    seen_at = moment - timedelta(seconds=seen_s_ago)
    return Node(name=host, host=host, version=version, url=None, workers=1, started_at=moment, seen_at=seen_at)


def see(tx: Transaction, node: Node) -> None:
    tx.nodes.see(node)


async def test_nothing_is_wrong_with_a_sound_registry_and_nothing_is_left_in_it(services: Services) -> None:
    await services.database.write(lambda tx: tx.nodes.see(a_node("one")))

    findings = await found(services)

    assert problems(findings) == []
    assert not any(finding.remedy for finding in findings.values())
    assert [key async for key in services.store.list_keys()] == []
    assert [name async for name in services.store.list_objects("")] == [OBJECT]
    assert [upload async for upload in services.store.list_uploads()] == []


async def test_nodes_that_are_ahead_gone_or_of_another_version_are_told(services: Services) -> None:
    await services.database.write(lambda tx: tx.nodes.see(a_node("ahead", seen_s_ago=-600)))
    assert problems(findings := await found(services)) == ["clocks of nodes"]
    assert "ahead" in findings["clocks of nodes"].told
    await services.database.write(lambda tx: tx.nodes.leave("ahead"))

    await services.database.write(lambda tx: tx.nodes.see(a_node("gone", seen_s_ago=100)))
    assert problems(findings := await found(services)) == ["nodes"]
    assert "gone" in findings["nodes"].told
    await services.database.write(lambda tx: tx.nodes.leave("gone"))

    for version in ("1", "2"):
        await services.database.write(see, a_node(version, version=version))
    assert (await found(services))["nodes"].remedy == "finish the upgrade"


@pytest.mark.tool("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("ahead_s", "told"), [(30, r" [12]\d\.\d s ahead of| 30\.0 s ahead of"), (-30, "s behind")])
async def test_a_clock_that_differs_from_the_databases_is_told(services: Services, ahead_s: float, told: str) -> None:
    findings = await found(services, ahead_s=ahead_s)

    # Less than that by as long as the database took to answer.
    assert re.search(told, findings["clock"].told)
    assert "NTP" in findings["clock"].remedy


@ON_SQLITE
async def test_a_storage_that_has_gone_is_told_with_what_to_do(services: Services, storage_root: Path) -> None:
    rmtree(storage_root)

    findings = await found(services)

    assert problems(findings) == ["storage objects", "storage uploads", "storage redirects"] or problems(findings) == [
        "installation",
        "storage objects",
        "storage uploads",
        "storage redirects",
    ]
    assert "has room" in findings["storage objects"].remedy


@pytest.mark.tool("postgres")
async def test_rights_that_are_missing_in_the_database_are_named(
    postgresql_cluster: PostgresCluster, postgresql_url: str, storage_root: Path, services: Services
) -> None:
    role = "doctor_limited"
    everything = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    await execute(
        postgresql_url,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT {everything} TO {role}",
        f"REVOKE DELETE ON tag FROM {role}",
    )
    try:
        async with await open_database(postgresql_url.replace("postgres@", f"{role}@")) as limited:
            parts = Parts(limited, services.store, MIB, unreachable)
            findings = {finding.check: finding for finding in await doctor.examine(parts)}
    finally:
        await execute(postgresql_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")

    assert findings["database rights"].verdict is Verdict.PROBLEM
    assert "DELETE on tag, CREATE and ownership" in findings["database rights"].told
    assert "OWNER TO" in findings["database rights"].remedy


@pytest.fixture
async def on_s3(services: Services) -> AsyncIterator[BlobStore]:
    with running_versitygw() as server:
        store = S3BlobStore(server.settings(part_bytes=5 * MIB), DatabaseUploadHolds(services.database))
        yield store
        await store.close()


@ON_SQLITE
@pytest.mark.tool("versitygw")
async def test_uploads_of_several_parts_are_tried_on_s3(services: Services, on_s3: BlobStore) -> None:
    parts = Parts(services.database, on_s3, 6 * MIB, unreachable)

    findings = {finding.check: finding for finding in await doctor.examine(parts)}

    assert problems(findings) == [], findings
    assert [key async for key in on_s3.list_keys()] == []


@ON_SQLITE
@pytest.mark.tool("versitygw")
@pytest.mark.parametrize(("ahead_s", "told"), [(30, "s ahead of the storage's"), (-30, "s behind the storage's")])
async def test_a_clock_that_differs_from_the_storages_is_told(
    services: Services, on_s3: BlobStore, ahead_s: float, told: str
) -> None:
    findings = await found(services, store=on_s3, ahead_s=ahead_s)

    assert problems(findings) == ["clock of storage"]
    assert told in findings["clock of storage"].told
    assert "NTP" in findings["clock of storage"].remedy
