from registry.metadata.database import Database
from registry.metadata.rows import Pull
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import ALICE, LATEST, NOW, a_manifest, digest, later, push, put


async def test_the_latest_pull_counts_whatever_order_they_are_told_in(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        push(tx, "one")
        manifest = put(tx, a_manifest("one"))
        tag = tx.tags.current(manifest.repository_id, LATEST)
        assert tag is not None

        tx.pulls.record([Pull(manifest.id, None, later(9)), Pull(manifest.id, tag.id, later(5))])
        tx.pulls.record([Pull(manifest.id, tag.id, later(3))])

        row = tx.manifests.find(manifest.repository_id, digest("one"))
        current = tx.tags.current(manifest.repository_id, LATEST)
        assert row is not None
        assert current is not None
        assert row.pulled_at == later(9)
        assert current.pulled_at == later(5)

    await database.write(unit)


async def test_pulls_of_what_is_gone_are_passed_over(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        gone = put(tx, a_manifest("gone"))
        tx.manifests.delete(gone.repository_id, digest("gone"))
        kept = put(tx, a_manifest("kept"))

        tx.pulls.record([Pull(gone.id, 10**9, NOW), Pull(kept.id, None, NOW)])
        tx.pulls.record([])

        row = tx.manifests.find(kept.repository_id, digest("kept"))
        assert row is not None
        assert row.pulled_at == NOW

    await database.write(unit)


async def test_a_pull_says_nothing_of_what_the_tag_names_next(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        push(tx, "one")
        manifest = put(tx, a_manifest("one"))
        pulled = tx.tags.current(manifest.repository_id, LATEST)
        assert pulled is not None
        tx.tags.point(manifest.repository_id, LATEST, digest("two"), actor=ALICE, now=later(1))

        tx.pulls.record([Pull(manifest.id, pulled.id, later(2))])

        current, before = tx.tags.history(manifest.repository_id, LATEST, 10)
        assert (current.pulled_at, before.pulled_at) == (None, later(2))

    await database.write(unit)
