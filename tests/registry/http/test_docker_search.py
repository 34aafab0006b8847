"""What `docker search` and `podman search` are answered."""

from __future__ import annotations

import pytest

from oci_spec.reference import RepositoryName
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from tests.registry.http.serving import Client


@pytest.fixture
async def filled(client: Client, http_services: Services) -> Client:
    """A client of a registry with some repositories, one of which is described."""

    def fill(tx: Transaction) -> None:
        for name in ("app", "team/app", "team/web"):
            made = tx.repositories.ensure(RepositoryName.parse(name), now(), may_make_namespace=True)
        tx.repositories.describe(made.id, "# The web\n\nBeside the app.")

    await http_services.database.write(fill)
    return client


async def test_docker_learns_that_the_registry_logs_in_by_itself(client: Client) -> None:
    answer = await client.get("/v1/_ping")

    assert (answer.status, answer.document) == (200, {"standalone": True})
    assert answer.headers["X-Docker-Registry-Standalone"] == "true"


async def test_what_is_found_is_told_in_the_form_of_version_1(filled: Client) -> None:
    answer = await filled.get("/v1/search?q=APP&n=25")

    found = [(result["name"], result["description"]) for result in answer.document["results"]]
    assert found == [("app", ""), ("team/app", ""), ("team/web", "The web")]
    assert answer.document["num_results"] == 3
    assert answer.document["query"] == "app"
    assert answer.document["results"][0] == {
        "name": "app",
        "description": "",
        "star_count": 0,
        "is_official": False,
        "is_automated": False,
    }


async def test_pages_are_counted_from_one(filled: Client) -> None:
    pages = [await filled.get(f"/v1/search?q=app&n=2&page={number}") for number in (1, 2, 3)]

    names = [[result["name"] for result in page.document["results"]] for page in pages]
    assert names == [["app", "team/app"], ["team/web"], []]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=%00", "?q=%FF", "?q=a&n=x", "?q=a&page=0", "?q=a&page=11"])
async def test_what_asks_for_nothing_that_there_is_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/v1/search{query}")).status == 400
