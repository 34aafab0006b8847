import asyncio

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry.metadata.database import Database
from registry.metadata.rows import Blob, BlobState
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import APP, NOW, OTHER, digest, ensure, later, link


async def test_the_first_bytes_of_a_digest_give_its_row_and_later_ones_are_told(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        assert tx.blobs.find(digest("x")) is None

        first, first_made = tx.blobs.insert(digest("x"), 1, "first", now=NOW)
        second, second_made = tx.blobs.insert(digest("x"), 1, "second", now=later(1))

        assert (first_made, second_made) == (True, False)
        assert first == second == tx.blobs.find(digest("x"))
        assert first.key == "first"
        assert first.state is BlobState.PRESENT

    await database.write(unit)


async def test_of_many_who_bring_one_digest_at_once_exactly_one_makes_it(database: Database) -> None:
    def bring(tx: Transaction, key: str) -> tuple[Blob, bool]:
        return tx.blobs.insert(digest("x"), 1, key, now=NOW)

    brought = await asyncio.gather(*(database.write(bring, f"key{number}") for number in range(32)))

    assert sum(made for _, made in brought) == 1
    assert len({blob.key for blob, _ in brought}) == 1


async def test_algorithms_do_not_share_rows(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        short, long = Digest.of(b"x", "sha256"), Digest.of(b"x", "sha512")

        tx.blobs.insert(short, 1, "short", now=NOW)
        tx.blobs.insert(long, 1, "long", now=NOW)

        for wanted in (short, long):
            found = tx.blobs.find(wanted)
            assert found is not None
            assert found.digest == wanted

    await database.write(unit)


async def test_new_bytes_take_the_place_of_suspect_ones(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        blob, _ = tx.blobs.insert(digest("x"), 1, "old", now=NOW)
        assert tx.blobs.suspect(blob.id, "old")
        suspected = tx.blobs.find(digest("x"))
        assert suspected is not None
        assert suspected.state is BlobState.SUSPECT

        assert tx.blobs.replace_key(blob.id, "new") == "old"

        healed = tx.blobs.find(digest("x"))
        assert healed is not None
        assert (healed.key, healed.state) == ("new", BlobState.PRESENT)
        # Seen missing before it was healed, told after: the new bytes are not meant.
        assert not tx.blobs.suspect(blob.id, "old")
        assert tx.blobs.find(digest("x")) == healed

    await database.write(unit)


async def test_a_blob_is_linked_only_where_it_was_linked(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        blob = link(tx, "x", APP)
        here, there = ensure(tx, APP), ensure(tx, OTHER)

        linked = tx.blobs.linked(here.id, digest("x"))

        assert linked is not None
        assert (linked.blob_id, linked.key, linked.size) == (blob.id, blob.key, blob.size)
        assert linked.repository_id == here.id
        assert linked.lease_until == later(60)
        assert tx.blobs.linked(there.id, digest("x")) is None
        assert tx.blobs.linked(here.id, digest("y")) is None

    await database.write(unit)


async def test_linking_again_never_shortens_the_lease(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        link(tx, "x", lease_s=60)

        link(tx, "x", lease_s=30)
        assert _lease(tx, "x") == 60
        link(tx, "x", lease_s=90)
        assert _lease(tx, "x") == 90

    await database.write(unit)


async def test_renewing_never_shortens_the_lease(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        blob = link(tx, "x", lease_s=60)
        here, there = ensure(tx, APP), ensure(tx, OTHER)

        assert tx.blobs.renew(here.id, blob.id, later(90))
        assert _lease(tx, "x") == 90
        assert tx.blobs.renew(here.id, blob.id, later(30))
        assert _lease(tx, "x") == 90
        assert not tx.blobs.renew(there.id, blob.id, later(90))

    await database.write(unit)


async def test_unlinking_takes_a_blob_from_one_repository_only(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        link(tx, "x", APP)
        link(tx, "x", OTHER)
        link(tx, "y", APP)
        here, there = ensure(tx, APP), ensure(tx, OTHER)

        assert tx.blobs.unlink(here.id, digest("x"))

        assert not tx.blobs.unlink(here.id, digest("x"))
        assert tx.blobs.linked(here.id, digest("x")) is None
        assert tx.blobs.linked(there.id, digest("x")) is not None
        assert tx.blobs.linked(here.id, digest("y")) is not None

    await database.write(unit)


async def test_candidates_for_a_mount_are_named_oldest_link_first(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        blob, _ = tx.blobs.insert(digest("x"), 1, "key", now=NOW)
        for age, name in enumerate(("c/c", "a/a", "b/b")):
            tx.blobs.link(ensure(tx, RepositoryName.parse(name)).id, blob.id, later(60), now=later(-age))
        link(tx, "y", RepositoryName.parse("d/d"))

        assert [str(name) for name in tx.blobs.readable_repositories(digest("x"), 2)] == ["b/b", "a/a"]

    await database.write(unit)


async def test_missing_blobs_are_found_among_more_than_one_query_holds(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        held = {digest(f"held{number}") for number in range(700)} | {Digest.of(b"held", "sha512")}
        lacked = {digest(f"lacked{number}") for number in range(700)} | {Digest.of(b"lacked", "sha512")}
        here, there = ensure(tx, APP), ensure(tx, OTHER)
        for wanted in held | lacked:
            blob, _ = tx.blobs.insert(wanted, 1, "key", now=NOW)
            tx.blobs.link((here if wanted in held else there).id, blob.id, later(60), now=NOW)

        assert tx.blobs.missing(here.id, held | lacked) == lacked
        assert tx.blobs.linked_among(here.id, held | lacked).keys() == held
        assert tx.blobs.missing(here.id, ()) == set()

    await database.write(unit)


def _lease(tx: Transaction, text: str) -> float:
    linked = tx.blobs.linked(ensure(tx).id, digest(text))
    assert linked is not None
    return (linked.lease_until - NOW).total_seconds()
