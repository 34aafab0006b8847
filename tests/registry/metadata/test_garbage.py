"""Garbage among rows: what is removed is asked about again, and what a push has locked is passed over."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.metadata.database import Database
from registry.metadata.garbage_values import GarbageTerms, Holders, LooseManifest, removal_order
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import APP, a_manifest, a_reference, digest, ensure, later, link, put

TERMS = GarbageTerms(later(7200), later(3600))


async def test_only_what_is_still_garbage_is_removed(database: Database) -> None:
    def unit(tx: Transaction) -> list[list[str]]:
        repository = ensure(tx)
        blobs = [link(tx, text).id for text in ("needed", "needless", "leased")]
        tx.blobs.renew(repository.id, blobs[2], later(9999))
        kept = put(tx, a_manifest("kept", a_reference("needed"))).id
        tx.manifests.lease(kept, later(9999))
        gone = put(tx, a_manifest("gone", a_reference("needed"))).id
        manifests = tx.garbage.remove_manifests(repository, (kept, gone), TERMS)
        links = tx.garbage.remove_links(repository, blobs, TERMS)
        removed = tx.garbage.remove_blobs(blobs, TERMS)
        return [[str(each.digest) for each in some] for some in (manifests, links, removed)]

    removed = await database.write(unit)

    needless = str(digest("needless"))
    assert removed == [[str(digest("gone"))], [needless], [needless]]


@pytest.mark.tool("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_what_a_push_has_locked_is_passed_over_and_not_waited_for(database: Database, database_url: str) -> None:
    def fill(tx: Transaction) -> tuple[int, int]:
        return link(tx, "layer").id, put(tx, a_manifest("image")).id

    def remove(tx: Transaction) -> tuple[int, int]:
        repository = tx.repositories.find(APP)
        assert repository is not None
        manifests = tx.garbage.remove_manifests(repository, (manifest,), TERMS)
        return len(manifests), len(tx.garbage.remove_links(repository, (blob,), TERMS))

    blob, manifest = await database.write(fill)
    pushing = await asyncpg.connect(database_url)
    try:
        async with pushing.transaction():
            await pushing.execute("SELECT 1 FROM link FOR KEY SHARE")
            await pushing.execute("SELECT 1 FROM manifest FOR KEY SHARE")
            assert await database.write(remove) == (0, 0)
    finally:
        await pushing.close()

    assert await database.write(remove) == (1, 1)


async def test_a_lease_is_never_shortened_and_none_is_given_to_what_is_gone(database: Database) -> None:
    def unit(tx: Transaction) -> tuple[bool, bool, bool]:
        manifest = put(tx, a_manifest("image"))
        given = tx.manifests.lease(manifest.id, later(9)), tx.manifests.lease(manifest.id, later(5))
        return *given, tx.manifests.lease(manifest.id + 1, later(9))

    assert await database.write(unit) == (True, True, False)
    found = await database.lookups.manifest_by_digest(APP, digest("image"))
    assert found is not None
    assert found.lease_until == later(9)


async def test_leases_since_a_moment_are_lengthened_and_those_before_are_not(database: Database) -> None:
    def unit(tx: Transaction) -> tuple[int, int]:
        repository = ensure(tx)
        for text, lease_s in (("early", 10), ("late", 20), ("later", 90)):
            link(tx, text, lease_s=lease_s)
            tx.manifests.lease(put(tx, a_manifest(text)).id, later(lease_s))
        since, until = later(15), later(80)
        return tx.blobs.renew_since(repository.id, since, until), tx.manifests.lease_since(repository.id, since, until)

    assert await database.write(unit) == (1, 1)
    found = await database.lookups.linked_blob(APP, digest("late"))
    assert found is not None
    assert found.lease_until == later(0) + timedelta(seconds=80)


@given(edges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25), outside=st.integers(0, 9))
def test_the_order_of_removal_names_all_that_only_garbage_holds_holders_first(
    edges: list[tuple[int, int]], outside: int
) -> None:
    loose = [LooseManifest(number, digest(str(number)), 1, None) for number in range(10) if number != outside]
    holders = {each.id: Holders(frozenset(a for a, b in edges if b == each.id and a != b)) for each in loose}

    order = removal_order(loose, holders)

    kept = {outside}
    while further := {b for a, b in edges if a in kept} - kept:
        kept |= further
    named = [each.id for each in (*order.trees, *order.rings)]
    assert sorted(named) == sorted(set(range(10)) - kept)
    for place, each in enumerate(order.trees):
        assert holders[each.id].parents <= {before.id for before in order.trees[:place]}
