from oci_spec.reference import Tag
from registry.metadata.database import Database
from registry.metadata.rows import Pull, TagSearch, TagSort
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import ALICE, LATEST, NOW, a_manifest, digest, ensure, later, push, put

OLD = Tag.parse("old")


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


async def test_pulls_by_tag_are_counted_for_the_name_and_the_repository(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        push(tx, "one")
        push(tx, "one", OLD)
        manifest = put(tx, a_manifest("one"))
        repository = manifest.repository_id
        before, old = tx.tags.current(repository, LATEST), tx.tags.current(repository, OLD)
        assert before is not None
        assert old is not None
        tx.pulls.record([Pull(manifest.id, before.id, later(5), times=3), Pull(manifest.id, None, later(9), times=9)])
        push(tx, "two")
        after = tx.tags.current(repository, LATEST)
        assert after is not None

        tx.pulls.record([Pull(manifest.id, after.id, later(4), times=2), Pull(manifest.id, old.id, later(2))])

        summary = tx.repositories.summary(ensure(tx))
        details = tx.tags.details(repository, TagSearch(9, sort=TagSort.PULLS))
        assert (summary.pulls, summary.pulled_at) == (6, later(5))
        assert [(detail.name, detail.pulls) for detail in details] == [(OLD, 1), (LATEST, 5)]

    await database.write(unit)


async def test_pulls_of_a_repository_that_is_gone_are_passed_over(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        push(tx, "one")
        manifest = put(tx, a_manifest("one"))
        current = tx.tags.current(manifest.repository_id, LATEST)
        assert current is not None
        tx.repositories.delete(manifest.repository_id)

        tx.pulls.record([Pull(manifest.id, current.id, NOW, times=2)])

        assert tx.repositories.summary(ensure(tx)).pulls == 0

    await database.write(unit)
