import asyncio

import pytest
from msgspec.structs import replace

from oci_spec.reference import RepositoryName, Tag
from registry import limits
from registry.metadata import visible_repositories
from registry.metadata.database import Database
from registry.metadata.rows import Direction, Pull, RepositorySearch, RepositorySort, RepositorySummary, Visibility
from registry.metadata.transaction import Transaction
from registry.metadata.visible import EVERYTHING, Visible
from tests.registry.metadata.examples import (
    ALICE,
    APP,
    LATEST,
    NOW,
    OTHER,
    a_manifest,
    digest,
    ensure,
    later,
    link,
    push,
    put,
)


async def test_a_repository_exists_from_its_first_push_on(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        assert tx.repositories.find(APP) is None

        made = tx.repositories.ensure(APP, NOW, may_make_namespace=True)

        assert tx.repositories.ensure(APP, later(1), may_make_namespace=True) == made
        assert tx.repositories.find(APP) == made
        assert made.name == APP
        assert made.created_at == made.updated_at == NOW

    await database.write(unit)


async def test_all_who_make_one_repository_at_once_get_the_same(database: Database) -> None:
    made = await asyncio.gather(*(database.write(ensure) for _ in range(32)))

    assert len({repository.id for repository in made}) == 1


async def test_repositories_of_one_namespace_made_at_once_all_exist(database: Database) -> None:
    names = [RepositoryName.parse(f"team/app{number}") for number in range(32)]

    await asyncio.gather(*(database.write(ensure, name) for name in names))

    listed = await database.read(lambda tx: tx.repositories.list(100, None))
    assert {repository.name for repository in listed} == set(names)


async def test_a_first_push_and_the_removal_of_its_namespace_leave_both_or_neither(database: Database) -> None:
    def remove(tx: Transaction) -> None:
        if (found := tx.namespaces.find("team")) is not None:
            tx.namespaces.remove(found.id)

    for _ in range(4):
        await asyncio.gather(*(database.write(unit) for unit in (remove, ensure, remove)))

        assert await database.read(lambda tx: tx.repositories.find(APP)) is not None
        assert await database.read(lambda tx: tx.namespaces.find("team")) is not None
        await database.write(lambda tx: tx.repositories.delete(ensure(tx).id))


async def test_the_time_of_the_last_change_never_goes_back(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        repository = ensure(tx)

        tx.repositories.touch(repository.id, later(10))
        tx.repositories.touch(repository.id, later(5))

        touched = tx.repositories.find(APP)
        assert touched is not None
        assert touched.updated_at == later(10)

    await database.write(unit)


PUBLIC = Visible(public=True)
NAMES = ("a", "a-b", "a-b/c", "a.b", "a/b", "a/b/c", "a/b-c", "a/b_c", "a0", "a_b", "b")


async def test_names_are_listed_in_the_order_of_their_bytes(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        for name in reversed(NAMES):
            ensure(tx, RepositoryName.parse(name))

        listed = [str(repository.name) for repository in tx.repositories.list(100, None)]

        assert listed == sorted(NAMES, key=str.encode)

    await database.write(unit)


async def test_a_listing_goes_on_after_a_name_that_need_not_exist(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        for name in NAMES:
            ensure(tx, RepositoryName.parse(name))

        page = tx.repositories.list(2, RepositoryName.parse("a/b/a"))

        assert [str(repository.name) for repository in page] == ["a/b/c", "a/b_c"]

    await database.write(unit)


async def test_a_search_finds_text_anywhere_and_takes_wildcards_literally(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        for name in ("team/web_app", "team/webxapp", "other/app"):
            ensure(tx, RepositoryName.parse(name))

        assert _names(tx, RepositorySearch(10, text="WEB_a")) == ["team/web_app"]
        assert _names(tx, RepositorySearch(10, text="team")) == ["team/web_app", "team/webxapp"]
        assert _names(tx, RepositorySearch(10, text="%")) == []
        assert tx.repositories.count() == 3

    await database.write(unit)


# Who may see all, who sees the few that they may, and who may see more than few, looked at a few at a time.
SEEN = {"all": (EVERYTHING, 100, 100), "few": (PUBLIC, 100, 100), "many": (PUBLIC, 0, 2)}


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("sort", RepositorySort)
async def test_pages_of_a_search_join_to_the_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch, sort: RepositorySort, direction: Direction, seen: str
) -> None:
    visible, few, looked_at = SEEN[seen]
    monkeypatch.setattr(visible_repositories, "FEW", few)
    monkeypatch.setattr(limits, "LOOKED_AT_REPOSITORIES", looked_at)

    def unit(tx: Transaction) -> None:
        for number, name in enumerate(NAMES):
            # Several of a kind: the name must decide between them, across pages too.
            repository = tx.repositories.ensure(RepositoryName.parse(name), later(number % 3), may_make_namespace=True)
            tx.repositories.touch(repository.id, later(3 + number % 2))
            row = put(tx, a_manifest("one"), repository.name)
            tx.tags.point(repository.id, LATEST, row.digest, actor=ALICE, now=NOW)
            current = tx.tags.current(repository.id, LATEST)
            assert current is not None
            tx.pulls.record([Pull(row.id, current.id, NOW, times=number % 2)])
            tx.repositories.set_visibility(repository.id, Visibility.PUBLIC)
        tx.repositories.ensure(RepositoryName.parse("a/hidden"), NOW, may_make_namespace=True)
        search = RepositorySearch(100, sort=sort, direction=direction)
        whole = _in_pages(tx, search, visible)

        assert _in_pages(tx, replace(search, limit=2), visible) == whole
        listed = {str(found.name) for found in whole}
        assert listed >= set(NAMES)
        assert ("a/hidden" in listed) is visible.everything
        keys = [found.position(sort).key for found in whole]
        assert len({found.pulls for found in whole}) == 2
        assert keys == sorted(keys, reverse=direction is Direction.DESCENDING)

    await database.write(unit)


async def test_a_summary_counts_the_tags_that_exist_now(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        push(tx, "one")
        push(tx, "one", Tag.parse("v1"))
        push(tx, "two", Tag.parse("v1"))
        push(tx, "two", Tag.parse("gone"))
        repository = ensure(tx)
        tx.tags.end(repository.id, Tag.parse("gone"), actor=ALICE, now=NOW)

        assert tx.repositories.summary(repository).tags == 2
        assert [found.tags for found in tx.repositories.page(RepositorySearch(10), EVERYTHING).repositories] == [2]

    await database.write(unit)


async def test_a_deleted_repository_takes_all_with_it_but_the_blobs(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        blob = link(tx, "layer")
        link(tx, "layer", OTHER)
        push(tx, "one")
        push(tx, "two")
        old = ensure(tx)

        assert tx.repositories.delete(old.id)

        assert tx.repositories.find(APP) is None
        assert not tx.repositories.delete(old.id)
        assert tx.blobs.find(digest("layer")) == blob
        assert tx.blobs.readable_repositories(digest("layer"), 10) == [OTHER]
        new = ensure(tx)
        assert new.id != old.id
        assert tx.tags.history(new.id, LATEST, 10) == []
        assert not tx.manifests.exists(new.id, digest("one"))

    await database.write(unit)


def _names(tx: Transaction, search: RepositorySearch) -> list[str]:
    return [str(found.name) for found in tx.repositories.page(search, EVERYTHING).repositories]


def _in_pages(tx: Transaction, search: RepositorySearch, visible: Visible) -> list[RepositorySummary]:
    """All that the search finds, page by page, each no longer than it may be."""
    found: list[RepositorySummary] = []
    while True:
        page = tx.repositories.page(search, visible)
        assert len(page.repositories) <= search.limit
        found += page.repositories
        if page.after is None:
            return found
        search = replace(search, after=page.after)
