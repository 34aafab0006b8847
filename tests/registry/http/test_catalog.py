from pathlib import Path

import pytest

from oci_spec.reference import RepositoryName
from registry.auth.permission import Permission
from registry.auth.subject import Subject
from tests.registry.assembly import Rules, open_services
from tests.registry.http.serving import Client, Serve

CATALOG = "/v2/_catalog"


@pytest.fixture
async def filled(client: Client) -> Client:
    """A client of a registry with three repositories."""
    for name in ("b", "a/c", "a-b/x"):
        await client.push_artifact(name, "1")
    return client


async def test_repositories_are_listed_in_the_order_of_their_bytes(filled: Client) -> None:
    answer = await filled.get(CATALOG)

    assert answer.document == {"repositories": ["a-b/x", "a/c", "b"]}
    assert answer.headers["Content-Type"] == "application/json"


async def test_a_page_links_to_the_next_one(filled: Client) -> None:
    first = await filled.get(f"{CATALOG}?n=2")
    second = await filled.get(f"{CATALOG}?n=2&last=a%2Fc")

    assert first.document["repositories"] == ["a-b/x", "a/c"]
    assert first.headers["Link"] == f'<{CATALOG}?n=2&last=a%2Fc>; rel="next"'
    assert second.document["repositories"] == ["b"]
    assert "Link" not in second.headers


async def test_an_empty_registry_has_an_empty_list(client: Client) -> None:
    assert (await client.get(CATALOG)).document == {"repositories": []}


@pytest.mark.parametrize("query", ["?n=x", "?n=-1"])
async def test_a_size_that_is_no_count_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"{CATALOG}{query}")).refusal == (400, "PAGINATION_NUMBER_INVALID")


async def test_the_catalog_itself_has_a_permission(serve: Serve, storage_root: Path, sqlite_url: str) -> None:
    async with open_services(storage_root, sqlite_url, policy=Rules()) as services:
        client = await serve(services=services)

        assert (await client.get(CATALOG)).refusal == (403, "DENIED")


async def test_only_what_may_be_shown_is_listed(
    serve: Serve, filled: Client, storage_root: Path, sqlite_url: str
) -> None:
    class MayList(Rules):
        async def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
            return permission is Permission.CATALOG and repository is None

    policy = MayList((Permission.CATALOG, "a/c"))
    async with open_services(storage_root, sqlite_url, policy=policy) as services:
        client = await serve(services=services)

        assert (await client.get(CATALOG)).document == {"repositories": ["a/c"]}
