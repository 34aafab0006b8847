"""The search of the web API."""

from __future__ import annotations

import pytest

from oci_spec.reference import RepositoryName
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from tests.registry.http.serving import Client
from tests.registry.http.web_api.reading import made_up, refused_parameter, walk

SEARCH = "/api/v1/search"
EXPECTED = "1 to 8 words of printable characters, 255 characters at most"


@pytest.fixture
async def filled(client: Client, http_services: Services) -> Client:
    """A client of a registry with some repositories."""

    def fill(tx: Transaction) -> None:
        for name in ("app", "team/app", "team/web"):
            made = tx.repositories.ensure(RepositoryName.parse(name), now(), may_make_namespace=True)
        tx.repositories.describe(made.id, "# Möwen\n\nBeside the app.")

    await http_services.database.write(fill)
    return client


async def test_what_is_found_is_told_as_in_lists(filled: Client) -> None:
    answer = await filled.get(f"{SEARCH}?q=m%C3%96wen")

    listed = await filled.get("/api/v1/repositories?q=web")
    assert answer.document == {
        "repositories": listed.document["repositories"],
        "complete": True,
        "next_cursor": None,
    }
    assert listed.document["repositories"][0]["headline"] == "Möwen"


async def test_the_links_lead_through_all_that_is_found(filled: Client) -> None:
    for limit in (1, 2, 3, 100):
        found = await walk(filled, f"{SEARCH}?q=app&limit={limit}", "repositories")

        assert [repository["name"] for repository in found] == ["app", "team/app", "team/web"]


@pytest.mark.parametrize("text", ["%20", "a%00", "%FF", "%E2%80%8B", "a+b+c+d+e+f+g+h+i"])
async def test_what_holds_no_words_or_too_many_is_refused(client: Client, text: str) -> None:
    assert refused_parameter(await client.get(f"{SEARCH}?q={text}")) == ("q", EXPECTED)


async def test_a_search_for_nothing_is_refused(client: Client) -> None:
    for query in ("", "?q=", f"?q={'a' * 256}"):
        assert refused_parameter(await client.get(f"{SEARCH}{query}")) == ("q", "1 to 255 characters")


@pytest.mark.parametrize("content", [["name", "asc", "a", "a"], [0], [-1, "a"], ["0", "a"], [0, "a", 1], 7])
async def test_a_cursor_of_another_list_is_refused(client: Client, content: object) -> None:
    parameter, _ = refused_parameter(await client.get(f"{SEARCH}?q=a&cursor={made_up(content)}"))

    assert parameter == "cursor"
