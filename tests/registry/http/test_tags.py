import pytest

from registry.config.schema import Server
from registry.config.values import ExternalUrl
from registry.services.context import Services
from tests.registry.assembly import open_services
from tests.registry.http.serving import Client, Serve

LIST = "/v2/team/app/tags/list"


@pytest.fixture
async def tagged(client: Client) -> Client:
    """A client of a registry with five tags in one repository, pushed in no order."""
    for tag in ("b", "A", "a", "_x", "1"):
        await client.push_artifact("team/app", tag)
    return client


async def test_tags_are_listed_in_the_order_of_their_bytes(tagged: Client) -> None:
    answer = await tagged.get(LIST)

    assert answer.document == {"name": "team/app", "tags": ["1", "A", "_x", "a", "b"]}
    assert answer.headers["Content-Type"] == "application/json"
    assert "Link" not in answer.headers


async def test_a_page_links_to_the_next_one_until_nothing_is_left(tagged: Client) -> None:
    first = await tagged.get(f"{LIST}?n=2")
    second = await tagged.get(f"{LIST}?n=2&last=A")
    third = await tagged.get(f"{LIST}?n=2&last=a")

    assert [page.document["tags"] for page in (first, second, third)] == [["1", "A"], ["_x", "a"], ["b"]]
    assert first.headers["Link"] == f'<{LIST}?n=2&last=A>; rel="next"'
    assert second.headers["Link"] == f'<{LIST}?n=2&last=a>; rel="next"'
    assert "Link" not in third.headers


async def test_a_page_that_holds_just_the_rest_links_to_none(tagged: Client) -> None:
    answer = await tagged.get(f"{LIST}?n=5")

    assert len(answer.document["tags"]) == 5
    assert "Link" not in answer.headers


@pytest.mark.parametrize(
    ("query", "tags"),
    [("?last=A", ["_x", "a", "b"]), ("?last=Z", ["_x", "a", "b"]), ("?last=gone", []),
     ("?last=", ["1", "A", "_x", "a", "b"])],
)  # fmt: skip
async def test_last_is_a_place_in_the_order_whether_or_not_there_is_such_a_tag(
    tagged: Client, query: str, tags: list[str]
) -> None:
    assert (await tagged.get(f"{LIST}{query}")).document["tags"] == tags


async def test_a_page_of_nothing_is_empty_and_leads_nowhere(tagged: Client) -> None:
    answer = await tagged.get(f"{LIST}?n=0")

    assert answer.document["tags"] == []
    assert "Link" not in answer.headers


@pytest.mark.parametrize("size", ["-1", "x", "", "1.5", "%20"])
async def test_a_size_that_is_no_count_is_refused(tagged: Client, size: str) -> None:
    assert (await tagged.get(f"{LIST}?n={size}")).refusal == (400, "PAGINATION_NUMBER_INVALID")


async def test_the_registrys_own_bound_links_on_though_no_size_was_asked_for(
    serve: Serve, http_services: Services, storage_root: object, sqlite_url: str, tagged: Client
) -> None:
    async with open_services(storage_root, sqlite_url, page_entries=2) as services:  # type: ignore[arg-type]
        client = await serve(services=services)

        unasked = await client.get(LIST)
        asked = await client.get(f"{LIST}?n=1000")

    assert unasked.document["tags"] == asked.document["tags"] == ["1", "A"]
    assert unasked.headers["Link"] == f'<{LIST}?n=2&last=A>; rel="next"'
    assert asked.headers["Link"] == f'<{LIST}?n=1000&last=A>; rel="next"'


async def test_a_repository_whose_last_tag_is_gone_has_an_empty_list(client: Client) -> None:
    await client.push_artifact("team/app", "only")
    await client.ask("DELETE", "/v2/team/app/manifests/only")

    assert (await client.get(LIST)).document["tags"] == []


@pytest.mark.parametrize("path", ["/v2/team/absent/tags/list", "/v2/team/app/tags/list"])
async def test_a_repository_that_was_never_pushed_to_is_unknown(client: Client, path: str) -> None:
    # An upload alone does not make one.
    await client.ask("POST", "/v2/team/app/blobs/uploads/")

    assert (await client.get(path)).refusal == (404, "NAME_UNKNOWN")


async def test_a_link_bears_the_path_that_a_proxy_takes_away(serve: Serve, tagged: Client) -> None:
    client = await serve(tables={"server": Server(external_url=ExternalUrl.parse("https://example.com/registry"))})

    answer = await client.get(f"{LIST}?n=1")

    assert answer.headers["Link"] == f'</registry{LIST}?n=1&last=1>; rel="next"'
