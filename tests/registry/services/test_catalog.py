"""The catalog: the repositories that the asker may pull from, a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from oci_spec.reference import RepositoryName
from registry.auth.permission import Permission
from registry.auth.subject import ANONYMOUS
from registry.services import catalog
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE, OpenWorker, Rules

pytestmark = ON_SQLITE


async def make(services: Services, *names: str) -> None:
    def ensure(tx: Any) -> None:
        for name in names:
            tx.repositories.ensure(RepositoryName.parse(name), now(), may_make_namespace=True)

    await services.database.write(ensure)


async def everything(services: Services, limit: int) -> list[str]:
    """All names, gathered page by page."""
    names: list[str] = []
    while True:
        page = await catalog.page(services, ANONYMOUS, limit, RepositoryName.parse(names[-1]) if names else None)
        names += page.names
        if not page.more:
            return names
        assert len(page.names) == limit


async def test_repositories_come_in_byte_order(services: Services) -> None:
    names = ["a", "a-b/c", "a/b", "a/b-c", "a/b/c", "a0", "b"]
    await make(services, *reversed(names))

    assert (await catalog.page(services, ANONYMOUS, None, None)).names == sorted(names)
    for limit in (1, 2, 3, 7, 8):
        assert await everything(services, limit) == sorted(names)


async def test_an_empty_registry_has_an_empty_catalog(services: Services) -> None:
    page = await catalog.page(services, ANONYMOUS, None, None)

    assert (page.names, page.more) == ([], False)


async def test_a_page_of_nothing_has_no_next_one(services: Services) -> None:
    await make(services, "a", "b")

    page = await catalog.page(services, ANONYMOUS, 0, None)

    assert (page.names, page.more) == ([], False)


async def test_a_page_begins_after_a_name_that_need_not_exist(services: Services) -> None:
    await make(services, "a", "c")

    assert (await catalog.page(services, ANONYMOUS, None, RepositoryName.parse("b"))).names == ["c"]
    assert (await catalog.page(services, ANONYMOUS, None, RepositoryName.parse("c"))).names == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_what_may_not_be_shown_is_not_named_and_takes_no_place(open_worker: OpenWorker, limit: int) -> None:
    readable = ["b", "m", "n", "y"]
    services = await open_worker(policy=Rules(*((Permission.CATALOG, name) for name in readable)))
    await make(services, *"abcdefghijklmnopqrstuvwxyz")

    assert await everything(services, limit) == readable


async def test_who_may_see_few_of_many_costs_one_query(
    open_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = await open_worker(policy=Rules((Permission.CATALOG, "zz")))
    await make(services, *(f"hidden/{number}" for number in range(300)), "zz")
    queries = 0
    read: Callable[..., Any] = services.database.read

    async def counted(*args: Any) -> Any:
        nonlocal queries
        queries += 1
        return await read(*args)

    monkeypatch.setattr(services.database, "read", counted)

    assert (await catalog.page(services, ANONYMOUS, 1, None)).names == ["zz"]
    assert queries == 1
