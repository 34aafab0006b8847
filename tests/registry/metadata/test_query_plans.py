"""No statement that serves a request may read more rows than it answers with: each is explained by the database."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, PrimaryKeyConstraint, UniqueConstraint, event
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.dialects.sqlite import pysqlite

from oci_spec.reference import Tag
from registry.metadata.account_rows import CredentialUse
from registry.metadata.audit_values import AuditSearch
from registry.metadata.database import Database
from registry.metadata.frequent import DriverStatement
from registry.metadata.garbage_values import GarbageTerms, LooseManifest
from registry.metadata.hot_statements import compile_all
from registry.metadata.rows import (
    Direction,
    Position,
    Pull,
    ReferenceRole,
    Repository,
    RepositorySearch,
    RepositorySort,
    TagSearch,
    UploadProgress,
    Visibility,
)
from registry.metadata.schema import metadata
from registry.metadata.sqlite_connections import database_file
from registry.metadata.transaction import Transaction
from registry.metadata.visible import EVERYTHING, Visible
from tests.registry.metadata.examples import (
    ALICE,
    APP,
    LATEST,
    NOW,
    a_manifest,
    a_reference,
    digest,
    later,
    link,
    push,
    put,
)
from tests.registry.metadata.raw_sql import execute

_REPOSITORY = Repository(1, APP, NOW, NOW)
_TERMS = GarbageTerms(NOW, NOW)
_PROGRESS = UploadProgress("sha256", 1, b"", b"", b"")

# What answers in the order of an index, or with one row: never more is read than is wanted.
ORDERED: dict[str, Callable[[Transaction], object]] = {
    "find a repository": lambda tx: tx.repositories.find(APP),
    "list repositories": lambda tx: tx.repositories.list(5, None),
    "list further repositories": lambda tx: tx.repositories.list(5, APP),
    "all names": lambda tx: tx.repositories.names(EVERYTHING, 5, APP),
    "public names": lambda tx: tx.repositories.names(Visible(public=True), 5, APP),
    "names within a pattern": lambda tx: tx.repositories.names(Visible(everything=True, within=("team/a*",)), 5, APP),
    "repositories by name": lambda tx: tx.repositories.page(RepositorySearch(5), EVERYTHING),
    "least pulled repositories": lambda tx: tx.repositories.page(
        RepositorySearch(5, Position(9, "a"), sort=RepositorySort.PULLS), EVERYTHING
    ),
    "most pulled repositories": lambda tx: tx.repositories.page(
        RepositorySearch(5, Position(9, "a"), "", RepositorySort.PULLS, Direction.DESCENDING), EVERYTHING
    ),
    "oldest repositories": lambda tx: tx.repositories.page(
        RepositorySearch(5, Position(NOW, "a"), sort=RepositorySort.CREATED), EVERYTHING
    ),
    "repositories that rested": lambda tx: tx.repositories.page(
        RepositorySearch(5, Position(NOW, "a"), sort=RepositorySort.UPDATED), EVERYTHING
    ),
    "touch a repository": lambda tx: tx.repositories.touch(1, later(9)),
    "find a blob": lambda tx: tx.blobs.find(digest("layer")),
    "replace a key": lambda tx: tx.blobs.replace_key(1, "key"),
    "suspect a blob": lambda tx: tx.blobs.suspect(1, "key"),
    "find a link": lambda tx: tx.blobs.linked(1, digest("layer")),
    "find missing blobs": lambda tx: tx.blobs.missing(1, (digest("layer"), digest("other"))),
    "renew a lease": lambda tx: tx.blobs.renew(1, 1, later(1000)),
    "unlink a blob": lambda tx: tx.blobs.unlink(1, digest("other")),
    "put a manifest again": lambda tx: tx.manifests.put(1, a_manifest("one", a_reference("layer"))),
    "find a manifest": lambda tx: tx.manifests.find(1, digest("one")),
    "find known manifests": lambda tx: tx.manifests.known(1, (digest("one"), digest("two"))),
    "read a manifest": lambda tx: tx.manifests.content(1),
    "delete a manifest": lambda tx: tx.manifests.delete(1, digest("two")),
    "list referrers": lambda tx: tx.manifests.referrers(1, digest("one"), (), None, limit=5),
    "list further referrers": lambda tx: tx.manifests.referrers(1, digest("one"), ("t",), digest("two"), limit=5),
    "list references": lambda tx: tx.manifests.references(1),
    "find a tag": lambda tx: tx.tags.current(1, LATEST),
    "move a tag": lambda tx: tx.tags.point(1, LATEST, digest("two"), actor=ALICE, now=NOW),
    "end all tags of a manifest": lambda tx: tx.tags.end_all(1, digest("two"), actor=ALICE, now=NOW),
    "begin a tag": lambda tx: tx.tags.begin(1, LATEST, digest("two"), actor=ALICE, now=NOW),
    "what a tag ever named": lambda tx: tx.tags.ever_named(1, LATEST, digest("two")),
    "summarise a repository": lambda tx: tx.repositories.summary(_REPOSITORY),
    "read a description": lambda tx: tx.repositories.description(1),
    "who may pull": lambda tx: tx.repositories.visibility(1),
    "publish a repository": lambda tx: tx.repositories.set_visibility(1, Visibility.PUBLIC),
    "list protections": lambda tx: tx.protections.of(1),
    "remove a protection": lambda tx: tx.protections.remove(1, "v*"),
    "lock a repository": lambda tx: tx.repositories.lock(APP),
    "list tags": lambda tx: tx.tags.page(1, None, 5),
    "list further tags": lambda tx: tx.tags.page(1, "a", 5),
    "list history": lambda tx: tx.tags.history(1, LATEST, 5),
    "describe tags": lambda tx: tx.tags.details(1, TagSearch(5)),
    "describe further tags": lambda tx: tx.tags.details(1, TagSearch(5, after=Position("a", "a"))),
    "describe a tag": lambda tx: tx.tags.detail(1, LATEST),
    "find an upload": lambda tx: tx.uploads.find("2f9e"),
    "save an upload": lambda tx: tx.uploads.save("2f9e", 1, _PROGRESS, now=NOW, expires_at=NOW),
    "delete an upload": lambda tx: tx.uploads.delete("2f9e", 1),
    "find expired uploads": lambda tx: tx.uploads.expired(NOW, 5),
    "end of a lease": lambda tx: tx.leases.ends_at("expiry"),
    "renew a job's lease": lambda tx: tx.leases.renew("expiry", 1, until=NOW),
    "login failures": lambda tx: tx.login_failures.find(["one", "two"], NOW),
    "hold a login back": lambda tx: tx.login_failures.hold("one", NOW),
    "take a login failure back": lambda tx: tx.login_failures.take_back(["one", "two"]),
    "drop login failures": lambda tx: tx.login_failures.drop("one"),
    "forget login failures": lambda tx: tx.login_failures.forget(NOW, 5),
    "pending events": lambda tx: tx.outbox.pending(5),
    "mark events": lambda tx: tx.outbox.mark_indexed((1,), NOW),
    "trim events": lambda tx: tx.outbox.trim(NOW, 5),
    "page the audit": lambda tx: tx.audit.older(AuditSearch(), 9, 5),
    "find in the audit": lambda tx: tx.audit.older(AuditSearch(target="a"), None, 5),
    "find an actor in the audit": lambda tx: tx.audit.newer(AuditSearch(actor="a"), 1, 5),
    "find an action in the audit": lambda tx: tx.audit.newer(AuditSearch(action="a"), 1, 5),
    "find an outcome in the audit": lambda tx: tx.audit.newer(AuditSearch(outcome="a"), 1, 5),
    "find a time in the audit": lambda tx: tx.audit.newer(AuditSearch(since=NOW, until=NOW), 1, 5),
    "ends of the audit": lambda tx: (tx.audit.start(), tx.audit.head()),
    "trim the audit": lambda tx: tx.audit.trim(NOW, 5),
    "lease a manifest": lambda tx: tx.manifests.lease(1, later(9)),
    "loose manifests": lambda tx: tx.garbage.loose_manifests(_REPOSITORY, _TERMS, None, 5),
    "holders of manifests": lambda tx: tx.garbage.holders(1, [LooseManifest(1, digest("one"), 3, digest("two"))]),
    "remove manifests": lambda tx: tx.garbage.remove_manifests(_REPOSITORY, (1, 2), _TERMS),
    "loose links": lambda tx: tx.garbage.loose_links(_REPOSITORY, _TERMS, None, 5),
    "remove links": lambda tx: tx.garbage.remove_links(_REPOSITORY, (1, 2), _TERMS),
    "resting blobs": lambda tx: tx.garbage.resting_blobs(_TERMS, None, 5),
    "remove blobs": lambda tx: tx.garbage.remove_blobs((1, 2), _TERMS),
    "keys of blobs": lambda tx: tx.garbage.named_keys(("key-of-layer", "key")),
    "record pulls": lambda tx: tx.pulls.record([Pull(1, 1, NOW)]),
    "find an account": lambda tx: tx.accounts.find("alice"),
    "lock an account": lambda tx: tx.accounts.lock("alice"),
    "find an account by its id": lambda tx: tx.accounts.find_by_id(1),
    "find an account of another source": lambda tx: tx.accounts.find_by_external_id("oidc", "1"),
    "list accounts": lambda tx: tx.accounts.page(5, after="a"),
    "search accounts": lambda tx: tx.accounts.page(5, text="a"),
    "set a password": lambda tx: tx.accounts.set_password(1, "hash"),
    "disable an account": lambda tx: tx.accounts.disable(1),
    "enable an account": lambda tx: tx.accounts.enable(1),
    "make an administrator": lambda tx: tx.accounts.set_admin(1, is_admin=False),
    "note a login": lambda tx: tx.accounts.note_login(1, NOW),
    "remove an account": lambda tx: tx.accounts.remove(1),
    "list robots": lambda tx: tx.robots.page(5, after="a"),
    "list robots of a namespace": lambda tx: tx.robots.page_of("team", 5),
    "count robots": lambda tx: tx.robots.count("team"),
    "find a credential": lambda tx: tx.credentials.find(b"hash"),
    "find a credential by its id": lambda tx: tx.credentials.find_by_id(1),
    "remove credentials": lambda tx: tx.credentials.remove((1, 2)),
    "revoke a credential": lambda tx: tx.credentials.revoke(1, 1, NOW),
    "revoke credentials of a kind": lambda tx: tx.credentials.revoke_kind(1, "refresh", NOW),
    "note uses of credentials": lambda tx: tx.credentials.note_uses([CredentialUse(1, NOW, "127.0.0.1")]),
    "trust a workload no more": lambda tx: tx.federations.remove(1, 1),
    "end the proofs of an account": lambda tx: tx.accounts.end_proofs(1),
    "remove expired credentials": lambda tx: tx.credentials.remove_expired(NOW, 5),
    "keep a namespace": lambda tx: tx.namespaces.keep("team"),
    "find a namespace": lambda tx: tx.namespaces.find("team"),
    "remove a namespace": lambda tx: tx.namespaces.remove(1),
    "remove a member": lambda tx: tx.namespaces.remove_member(1, 1),
    "is a member": lambda tx: tx.namespaces.has_member("team", 1),
    "is an owner": lambda tx: tx.namespaces.owns(1, 1),
    "list organisations": lambda tx: tx.organisations.page(5, after="a"),
    "show an organisation": lambda tx: tx.organisations.summary("team"),
    "list some teams": lambda tx: tx.teams.page(1, 5, after="a"),
    "count teams": lambda tx: tx.teams.count(1),
    "find a team": lambda tx: tx.teams.find(1, "builders"),
    "list teams": lambda tx: tx.teams.list(1),
    "remove a team": lambda tx: tx.teams.remove(1),
    "remove a member of a team": lambda tx: tx.teams.remove_member(1, 1),
    "find a grant": lambda tx: tx.grants.find(1),
    "remove a grant": lambda tx: tx.grants.remove(1),
}

# What sorts the few rows that it found through an index.
SORTED: dict[str, Callable[[Transaction], object]] = {
    "candidates for a mount": lambda tx: tx.blobs.readable_repositories(digest("layer"), 5),
    "parents of a blob": lambda tx: tx.manifests.parents(1, digest("layer")),
    "entries of manifests": lambda tx: tx.manifests.entries((1, 2), (ReferenceRole.LAYER,), 9),
    "leases since a moment": lambda tx: tx.manifests.lease_since(1, NOW, later(9)),
    "count references": lambda tx: tx.garbage.reference_counts(1, (digest("layer"),)),
    "references of manifests": lambda tx: tx.garbage.references((1, 2)),
    "count links": lambda tx: tx.garbage.link_counts((1, 2)),
    "uploads of a repository": lambda tx: tx.uploads.for_repository(APP),
    "credentials of an account": lambda tx: tx.credentials.list(1),
    "trusted workloads of an account": lambda tx: tx.federations.of_account(1),
    "trusted workloads of an issuer": lambda tx: tx.federations.of_issuer("https://issuer.example"),
    "robots of a namespace": lambda tx: tx.accounts.robots_of(1),
    "robots of an owner": lambda tx: tx.robots.page_owned(1, 5),
    "members of a namespace": lambda tx: tx.namespaces.members(1),
    "some members of a namespace": lambda tx: tx.namespaces.member_page(1, 5),
    "owners of a namespace": lambda tx: tx.namespaces.lock_owners(1),
    "organisations of an account": lambda tx: tx.organisations.page_of(1, 5),
    "some members of a team": lambda tx: tx.teams.member_page(1, 5),
    "namespaces of an account": lambda tx: tx.namespaces.of_account(1),
    "members of a team": lambda tx: tx.teams.members(1),
    "grants of an account": lambda tx: tx.grants.of_account(1),
    "a page of an account's grants": lambda tx: tx.grants.page_of_account(1, ("team/", "team/a*"), 10),
    "a page of a team's grants": lambda tx: tx.grants.page_of_team(1, ("team/", "team/a*"), 10),
    "an account's grant by its pattern": lambda tx: tx.grants.by_pattern_of_account(1, "team/", "team/a*"),
    "a team's grant by its pattern": lambda tx: tx.grants.by_pattern_of_team(1, "team/", "team/a*"),
    "grants that may fit a repository": lambda tx: tx.grants.in_buckets(("team/app", "team/", "")),
    "names for an account": lambda tx: tx.repositories.names(Visible(public=True, account_id=1), 5, APP),
    "newest repositories": lambda tx: tx.repositories.page(
        RepositorySearch(5, Position(NOW, "a"), "", RepositorySort.CREATED, Direction.DESCENDING), EVERYTHING
    ),
    "few repositories, sorted": lambda tx: tx.repositories.page(
        RepositorySearch(5, Position(NOW, "a"), sort=RepositorySort.UPDATED), Visible(public=True, account_id=1)
    ),
    "grants in a namespace": lambda tx: tx.grants.in_namespace("team"),
    "grants in the default namespace": lambda tx: tx.grants.in_namespace("library"),
}

# Pages of the whole table in the order of an index have no condition to search by.
_WHOLE_TABLES = {"list repositories", "pending events", "all names", "public names", "repositories by name"}


@pytest.mark.parametrize("name", [*ORDERED, *SORTED])
async def test_a_statement_searches_an_index(database: Database, name: str) -> None:
    def unit(tx: Transaction) -> list[list[str]]:
        push(tx, "one")
        link(tx, "layer")
        with explained() as plans:
            (ORDERED | SORTED)[name](tx)
        return plans

    plans = await database.write(unit)

    assert plans
    for plan in plans:
        assert faults(plan, whole_table=name in _WHOLE_TABLES, sorting=name in SORTED) == []


# Another index would find these rows too, among all those of the repository.
_MADE_FOR = {
    "list referrers": "ix_manifest_referrers",
    "list further referrers": "ix_manifest_referrers",
    "list tags": "uq_tag_current",
    "list history": "ix_tag_history",
    "end all tags of a manifest": "ix_tag_current_digest",
    "parents of a blob": "ix_manifest_reference_target",
    "loose manifests": "ix_tag_ended_digest",
    "keys of blobs": "ix_blob_key",
    "pending events": "ix_outbox_pending",
    "trim events": "ix_outbox_indexed",
}


async def test_a_statement_uses_the_index_that_was_made_for_it(database_url: str, database: Database) -> None:
    def fill(tx: Transaction) -> None:
        for number in range(200):
            manifest = a_manifest(f"manifest{number}", a_reference(f"layer{number}"))
            row = put(tx, replace(manifest, subject=digest(f"subject{number}")))
            tx.tags.point(row.repository_id, Tag.parse(f"v{number}"), row.digest, actor=ALICE, now=NOW)
            event_id = tx.outbox.append("moved", {}, later(number))
            tx.outbox.mark_indexed([event_id] if number % 2 else [], NOW)

    def unit(tx: Transaction) -> dict[str, list[str]]:
        used = {}
        for name in _MADE_FOR:
            with explained() as plans:
                (ORDERED | SORTED)[name](tx)
            used[name] = [line for plan in plans for line in plan]
        return used

    await database.write(fill)
    await execute(database_url, "ANALYZE")

    used = await database.write(unit)

    for name, plan in used.items():
        assert any(_MADE_FOR[name] in line for line in plan), (name, plan)


@pytest.mark.parametrize(
    ("index", "name"), [("ix_upload_expires_at", "find expired uploads"), ("ix_outbox_pending", "pending events")]
)
async def test_a_missing_index_would_be_noticed(database_url: str, database: Database, index: str, name: str) -> None:
    def unit(tx: Transaction) -> list[list[str]]:
        with explained() as plans:
            ORDERED[name](tx)
        return plans

    await execute(database_url, f"DROP INDEX {index}")

    plans = await database.write(unit)

    assert [fault for plan in plans for fault in faults(plan, whole_table=False, sorting=False)]


def test_every_lookup_searches_an_index_on_sqlite(sqlite_url: str) -> None:
    with closing(sqlite3.connect(database_file(sqlite_url))) as connection:
        for statement in compile_all(pysqlite.dialect()).values():
            rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", [None] * len(statement.order))
            assert faults([row[3] for row in rows], whole_table=False, sorting=False) == []


@pytest.mark.tool("postgres")
async def test_every_lookup_searches_an_index_on_postgresql(postgresql_url: str) -> None:
    examples = {"digest": b"", "hash": b"", "manifest_id": 1, "account_id": 1, "credential_id": 1}
    connection = await asyncpg.connect(postgresql_url)
    try:
        for setting in _ONLY_INDEXES:
            await connection.execute(f"SET {setting}")
        for statement in compile_all(asyncpg_dialect.dialect()).values():  # type: ignore[no-untyped-call]
            arguments = [examples.get(name, "") for name in statement.order]
            rows = await connection.fetch(f"EXPLAIN (COSTS OFF) {statement.text}", *arguments)
            assert faults([row[0] for row in rows], whole_table=False, sorting=False) == []
    finally:
        await connection.close()


def test_every_reference_between_tables_can_be_followed_backwards() -> None:
    for table in metadata.tables.values():
        unique = [each for each in table.constraints if isinstance(each, PrimaryKeyConstraint | UniqueConstraint)]
        leading = {next(iter(each.columns)).name for each in (*unique, *table.indexes)}
        for key in table.foreign_keys:
            assert key.parent.name in leading, f"{table.name}.{key.parent.name}"


# Where PostgreSQL does one of these all the same, it has no other way; on tables of one row it would otherwise like to.
_ONLY_INDEXES = ("enable_seqscan = off", "enable_bitmapscan = off", "enable_sort = off")


@contextmanager
def explained() -> Iterator[list[list[str]]]:
    """The plans of all statements that are run in the context, but for plain INSERTs and the plans themselves."""
    plans: list[list[str]] = []

    def explain(connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith(("EXPLAIN", "SET", "INSERT")):
            return
        values = parameters[0] if many else parameters
        if connection.dialect.name == "sqlite":
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.append([row[3] for row in rows])
            return
        for setting in _ONLY_INDEXES:
            connection.exec_driver_sql(f"SET LOCAL {setting}")
        plans.append([row[0] for row in connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {statement}", values)])

    def explain_past_sqlalchemy(statement: DriverStatement, driver: sqlite3.Connection, values: Any) -> sqlite3.Cursor:
        if not statement.text.startswith("INSERT"):
            arguments = statement.arguments(values)
            plans.append([row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement.text}", arguments)])
        return run(statement, driver, values)

    run = DriverStatement.run
    event.listen(Engine, "before_cursor_execute", explain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DriverStatement, "run", explain_past_sqlalchemy)
        try:
            yield plans
        finally:
            event.remove(Engine, "before_cursor_execute", explain)


def faults(plan: list[str], *, whole_table: bool, sorting: bool) -> list[str]:
    """The lines of a plan of either database that read a table without an index, or sort what one could order."""
    found = []
    for number, line in enumerate(plan):
        told = line.replace("->", "").strip()
        if told.startswith(("SCAN anon_", "SCAN (subquery", "SCAN CONSTANT ROW")):
            # SQLite reads what a subquery gives, whose own lines stand before it, or no table at all.
            continue
        has_condition = any("Index Cond" in further for further in plan[number + 1 : number + 2])
        walks_table = told.startswith("SCAN") or (told.startswith("Index") and not has_condition)
        sorts = told.startswith(("USE TEMP B-TREE", "Sort", "Incremental Sort")) and "Sort Key" not in told
        if told.startswith("Seq Scan") or (told.startswith("SCAN") and "INDEX" not in told):
            found.append(told)
        if (walks_table and "Index Cond" not in told and not whole_table) or (sorts and not sorting):
            found.append(told)
    return found
