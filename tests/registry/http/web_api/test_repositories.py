"""Repositories in the web API: listed, shown and removed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.permission import Permission
from registry.auth.subject import Subject
from registry.config.schema import Server
from registry.config.values import ExternalUrl
from registry.services.context import Services
from tests.registry.assembly import Rules
from tests.registry.http.serving import Client, Serve
from tests.registry.http.web_api.reading import refused_parameter, walk
from tests.registry.pushing import Pusher

LIST = "/api/v1/repositories"


class MayList(Rules):
    """Rules under which everybody may ask for the list of repositories."""

    async def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        may_ask = permission is Permission.CATALOG and repository is None
        return may_ask or await super().allows(subject, permission, repository)


async def fill(services: Services, *names: str) -> None:
    for name in names:
        await Pusher.to(services, name).index("1", manifests=[])


async def test_a_repository_is_listed_as_it_is_shown(client: Client, http_services: Services) -> None:
    await fill(http_services, "team/app")
    await Pusher.to(http_services, "team/app").index("2", manifests=[])

    listed, shown = await client.get(LIST), await client.get(f"{LIST}/team/app")

    [repository] = listed.document["repositories"]
    assert listed.document["next_cursor"] is None
    assert {**repository, "description": ""} == shown.document
    assert (repository["name"], repository["tags"]) == ("team/app", 2)
    assert repository["created_at"] < repository["updated_at"]
    assert repository["updated_at"].endswith("Z")


async def test_the_links_lead_through_the_whole_list(client: Client, http_services: Services) -> None:
    names = [f"team/app{number}" for number in range(7)]
    await fill(http_services, *names, "other")

    for limit in (1, 2, 3, 7, 8, 1000):
        found = await walk(client, f"{LIST}?limit={limit}&q=app&sort=created&order=desc", "repositories")
        assert [repository["name"] for repository in found] == names[::-1]


async def test_links_bear_the_path_that_a_proxy_takes_away(serve: Serve, http_services: Services) -> None:
    client = await serve(tables={"server": Server(external_url=ExternalUrl.parse("https://example.com/registry"))})
    await fill(http_services, "a", "b", "c")

    found = await walk(client, f"{LIST}?limit=1", "repositories", prefix="/registry")

    assert [repository["name"] for repository in found] == ["a", "b", "c"]


async def test_an_empty_registry_has_an_empty_list(client: Client) -> None:
    assert await walk(client, LIST, "repositories") == []


async def test_names_with_words_of_the_api_are_reached_with_escaped_slashes(
    client: Client, http_services: Services
) -> None:
    names = ["tags", "a/tags", "a/tags/b", "a/tags/1/history", "a/b/c/d"]
    await fill(http_services, *names)

    for name in names:
        escaped = name.replace("/", "%2F")
        shown = await client.get(f"{LIST}/{escaped}")
        listed = await client.get(f"{LIST}/{escaped}/tags?limit=1")
        tag = await client.get(f"{LIST}/{escaped}/tags/1")
        history = await client.get(f"{LIST}/{escaped}/tags/1/history")
        assert shown.document["name"] == name
        assert [answer.document["repository"] for answer in (listed, tag, history)] == [name] * 3


async def test_a_next_page_of_an_escaped_name_is_escaped_too(client: Client, http_services: Services) -> None:
    await Pusher.to(http_services, "a/tags").index("1", "2", "3", manifests=[])

    found = await walk(client, f"{LIST}/a%2Ftags/tags?limit=1", "tags")

    assert [tag["name"] for tag in found] == ["1", "2", "3"]


async def test_a_removed_repository_is_gone_with_all_that_was_in_it(client: Client, http_services: Services) -> None:
    await fill(http_services, "team/app", "team/other")

    removed = await client.ask("DELETE", f"{LIST}/team/app")
    again = await client.ask("DELETE", f"{LIST}/team/app")

    assert (removed.status, removed.body) == (204, b"")
    assert (again.status, again.document["code"]) == (404, "NAME_UNKNOWN")
    assert [repository["name"] for repository in await walk(client, LIST, "repositories")] == ["team/other"]
    for path in ("", "/tags", "/tags/1", "/tags/1/history"):
        assert (await client.get(f"{LIST}/team/app{path}")).status == 404


async def test_only_manifests_that_are_sent_for_a_tag_are_counted_as_pulls(
    client: Client, http_services: Services
) -> None:
    image = await Pusher.to(http_services, "team/app").index("1", manifests=[])
    await fill(http_services, "team/web")
    path = "/v2/team/app/manifests"

    for _ in range(3):
        await client.get(f"{path}/1")
    await client.ask("HEAD", f"{path}/1")
    await client.get(f"{path}/{image['digest']}")
    await client.ask("GET", f"{path}/1", headers={"If-None-Match": f'"{image["digest"]}"'})
    await http_services.pulls.flush(http_services.database)

    [first, second] = (await client.get(f"{LIST}?sort=pulls&order=desc")).document["repositories"]
    [tag] = (await client.get(f"{LIST}/team/app/tags?sort=pulls")).document["tags"]
    assert (first["name"], first["pulls"], first["pulled_at"]) == ("team/app", 3, tag["pulled_at"])
    assert (second["pulls"], second["pulled_at"]) == (0, None)
    assert tag["pulls"] == (await client.get(f"{LIST}/team/app/tags/1")).document["pulls"] == 3


async def test_a_repository_is_described_and_published(client: Client, http_services: Services) -> None:
    await fill(http_services, "team/app")

    described = await client.ask("PATCH", f"{LIST}/team/app", json={"description": "# An app\n\nMore."})
    published = await client.ask("PUT", f"{LIST}/team/app/visibility", json={"visibility": "public"})

    shown = (await client.get(f"{LIST}/team/app")).document
    assert (described.status, published.status) == (204, 204)
    assert (shown["description"], shown["headline"]) == ("# An app\n\nMore.", "An app")
    assert shown["visibility"] == "public"


@pytest.mark.parametrize("text", ["\0", "a" * (limits.DESCRIPTION_BYTES + 1)])
async def test_a_description_that_cannot_be_shown_is_refused(
    client: Client, http_services: Services, text: str
) -> None:
    await fill(http_services, "team/app")

    answer = await client.ask("PATCH", f"{LIST}/team/app", json={"description": text})

    assert (answer.status, answer.document["code"]) == (400, "UNSUPPORTED")
    assert answer.document["detail"].startswith("this description cannot be taken: ")


async def test_the_longest_description_is_taken_however_it_is_escaped(client: Client, http_services: Services) -> None:
    await fill(http_services, "team/app")
    text = "\u00e4" * (limits.DESCRIPTION_BYTES // 2)

    answer = await client.ask("PATCH", f"{LIST}/team/app", data=json.dumps({"description": text}))

    assert answer.status == 204
    assert (await client.get(f"{LIST}/team/app")).document["description"] == text


@pytest.mark.parametrize("body", [b"", b"{}", b'{"visibility": "hidden"}', b'{"visibility": "public", "more": 1}'])
async def test_a_visibility_that_there_is_not_is_refused(client: Client, http_services: Services, body: bytes) -> None:
    await fill(http_services, "team/app")

    assert refused_parameter(await client.ask("PUT", f"{LIST}/team/app/visibility", data=body))[0] == "body"


async def test_what_may_not_be_shown_is_not_listed(serve: Serve, http_services: Services) -> None:
    await fill(http_services, "mine", "theirs")
    client = await serve(services=replace(http_services, policy=MayList((Permission.CATALOG, "mine"))))

    assert [repository["name"] for repository in await walk(client, LIST, "repositories")] == ["mine"]
    assert (await client.get(f"{LIST}/theirs")).status == 403


@pytest.mark.parametrize("path", [LIST, f"{LIST}/team/app", f"{LIST}/team/app/tags", f"{LIST}/team/app/tags/1"])
async def test_head_has_the_headers_of_get(client: Client, http_services: Services, path: str) -> None:
    await fill(http_services, "team/app")

    get, head = await client.get(path), await client.ask("HEAD", path)

    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (LIST, "GET, HEAD"),
        (f"{LIST}/a", "DELETE, GET, HEAD, PATCH"),
        (f"{LIST}/a/visibility", "PUT"),
        (f"{LIST}/a/tags", "GET, HEAD"),
        (f"{LIST}/a/tags/1", "DELETE, GET, HEAD, PUT"),
        (f"{LIST}/a/tags/1/history", "GET, HEAD"),
        (f"{LIST}/a/protections", "GET, HEAD"),
        (f"{LIST}/a/protections/1.*", "DELETE, PUT"),
    ],
)
async def test_other_methods_are_told_which_there_are(client: Client, path: str, allowed: str) -> None:
    answer = await client.ask("POST", path)

    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert answer.headers["Content-Type"] == "application/problem+json"
