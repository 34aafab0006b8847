"""Queries and bodies that no client should send: refused by name, and never a reason to fail."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from oci_spec.digest import Digest
from registry import limits
from registry.services.context import Services
from tests.registry.http.serving import Client
from tests.registry.http.web_api.reading import made_up, refused_parameter
from tests.registry.pushing import Pusher

LISTS = ["/api/v1/repositories", "/api/v1/repositories/team/app/tags"]
HISTORY = "/api/v1/repositories/team/app/tags/1/history"
TAG = "/api/v1/repositories/team/app/tags/1"


@pytest.fixture(autouse=True)
async def app(http_services: Services) -> None:
    """A repository `team/app` with the tag `1`."""
    await Pusher.to(http_services, "team/app").index("1", manifests=[])


COUNT = "a whole number from 1 to 1000"
COUNTS = ["", "0", "-1", "1001", "9" * 5000, "1.0", "1e1", "+1", "%201", "0x1", "1_0", "%D9%A3", "%00", "%FF", "null"]


@pytest.mark.parametrize("path", [*LISTS, HISTORY])
@pytest.mark.parametrize("text", COUNTS, ids=range(len(COUNTS)))
async def test_a_limit_that_is_no_count_is_refused(client: Client, path: str, text: str) -> None:
    assert refused_parameter(await client.get(f"{path}?limit={text}")) == ("limit", COUNT)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("text", ["%00", "a%00", "%0A", "%FF", "%ED%A0%80", "%C3%A9", "a" * 256, "%E2%80%8B"])
async def test_a_text_that_no_name_can_hold_is_refused(client: Client, path: str, text: str) -> None:
    expected = "at most 255 printable ASCII characters"

    assert refused_parameter(await client.get(f"{path}?q={text}")) == ("q", expected)


@pytest.mark.parametrize("text", ["%25", "_", "'", "%22;--", "%5C", "%2A", "%20", "a%26b=c", "%2Fapp", "TEAM"])
async def test_a_text_to_search_for_means_itself(client: Client, text: str) -> None:
    answer = await client.get(f"/api/v1/repositories?q={text}")

    assert answer.status == 200
    assert len(answer.document["repositories"]) == (text in {"%2Fapp", "TEAM"})


@pytest.mark.parametrize(
    ("path", "choices"),
    [(LISTS[0], "one of created, name, pulls, updated"), (LISTS[1], "one of name, pulled, pulls, pushed, size")],
)
@pytest.mark.parametrize("text", ["", "NAME", "digest", "name%00", "-name", "x" * 5000])
async def test_a_sort_that_there_is_not_is_refused(client: Client, path: str, choices: str, text: str) -> None:
    assert refused_parameter(await client.get(f"{path}?sort={text}")) == ("sort", choices)
    assert refused_parameter(await client.get(f"{path}?order={text}")) == ("order", "one of asc, desc")


@pytest.mark.parametrize("name", ["n", "last", "Limit", "", "%FF", "%00", "x" * 5000, "%22%0A", "limit%20"])
async def test_a_parameter_that_there_is_not_is_refused_by_name(client: Client, name: str) -> None:
    named, expected = refused_parameter(await client.get(f"{LISTS[0]}?limit=1&{name}=1"))

    assert named == {"%FF": "\ufffd", "%00": "\0", "%22%0A": '"\n', "limit%20": "limit "}.get(name, name)
    assert expected == "one of the parameters limit, cursor, q, order, sort"


@pytest.mark.parametrize("path", ["/api/v1/repositories/team/app", TAG])
async def test_where_there_are_no_such_parameters_each_is_refused(client: Client, path: str) -> None:
    digest = str(Digest.of(b""))

    for method, body in (("GET", None), ("PUT", {"digest": digest}), ("DELETE", None)):
        if (method, path) != ("PUT", "/api/v1/repositories/team/app"):
            answer = await client.ask(method, f"{path}?force=1", json=body)
            name, expected = refused_parameter(answer)
            assert name == "force"
            removes_repository = (method, path) == ("DELETE", "/api/v1/repositories/team/app")
            assert expected == ("one of the parameters protected" if removes_repository else "no parameters here")
    assert (await client.get(path)).status == 200


@pytest.mark.parametrize("path", [*LISTS, HISTORY])
async def test_a_parameter_that_is_given_twice_is_refused(client: Client, path: str) -> None:
    answer = await client.get(f"{path}?limit=5&limit=5")

    assert refused_parameter(answer) == ("limit", "one value, not several")


async def test_more_parameters_than_any_request_needs_are_not_even_read(client: Client) -> None:
    answer = await client.get(f"{LISTS[0]}?{'&'.join(['limit=1'] * (limits.WEB_API_PARAMETERS + 1))}")

    assert (answer.status, answer.document["detail"]) == (
        400,
        f"the request cannot be read: it has more than {limits.WEB_API_PARAMETERS} parameters",
    )


@pytest.mark.parametrize("path", [*LISTS, HISTORY])
@pytest.mark.parametrize(
    "cursor", ["", "x", "%00", "%FF", "AAAA", "A" * 1025, made_up([]), made_up(["size", "desc", 1, "a"]), made_up("1")]
)
async def test_a_cursor_that_no_answer_gave_is_refused(client: Client, path: str, cursor: str) -> None:
    assert refused_parameter(await client.get(f"{path}?cursor={cursor}"))[0] == "cursor"


@pytest.mark.parametrize(
    ("query", "cursor"),
    [
        ("sort=name", made_up(["name", "asc", "~" * 255, "~" * 255])),
        ("sort=size", made_up(["size", "asc", 2**63 - 1, "a"])),
        ("sort=pulls", made_up(["pulls", "asc", 2**63 - 1, "a"])),
        ("sort=pushed", made_up(["pushed", "asc", "9999-12-31T23:59:59-23:59", "a"])),
        ("sort=pulled&order=desc", made_up(["pulled", "desc", "0001-01-01T00:00:00+23:59", "a"])),
    ],
)
async def test_a_cursor_from_the_end_of_the_world_has_nothing_after_it(client: Client, query: str, cursor: str) -> None:
    answer = await client.get(f"{LISTS[1]}?{query}&cursor={cursor}")

    assert (answer.status, answer.document["tags"], answer.document["next_cursor"]) == (200, [], None)


BODIES = {
    "nothing": b"",
    "no JSON": b"digest",
    "an array": b"[]",
    "no digest": b"{}",
    "null": b'{"digest": null}',
    "a number": b'{"digest": 1}',
    "more": b'{"digest": "sha256:00", "force": true}',
    "no UTF-8": b'{"digest": "\xff"}',
    "deeply nested": b"[" * 60_000,
    "a surrogate": b'{"digest": "\\ud800"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_names_no_digest_is_refused(client: Client, body: bytes) -> None:
    name, expected = refused_parameter(await client.ask("PUT", TAG, data=body))

    assert name == "body"
    assert expected.startswith("a JSON object")


@pytest.mark.parametrize("digest", ["", "1", "sha256:", "sha256:xyz", "md5:" + "0" * 32, "sha256:" + "0" * 64 + "\0"])
async def test_a_digest_that_is_none_is_refused(client: Client, digest: str) -> None:
    answer = await client.ask("PUT", TAG, data=json.dumps({"digest": digest}))

    assert (answer.status, answer.document["code"]) == (400, "DIGEST_INVALID")


async def test_a_body_that_is_too_long_is_not_read_to_its_end(client: Client) -> None:
    answer = await client.ask("PUT", TAG, data=b" " * (limits.WEB_API_BODY_BYTES + 1))

    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert "longer than 65536 bytes" in answer.document["detail"]


@pytest.mark.parametrize("name", ["A", "a%00", "a%FF", "..", "a%2F", "%2Fa", "a//b", "a" * 256, "a%0A", "%ED%A0%80"])
async def test_a_name_that_no_repository_can_have_is_refused(client: Client, name: str) -> None:
    for path in ("", "/tags", "/tags/1", "/tags/1/history"):
        answer = await client.get(f"/api/v1/repositories/{name}{path}")
        assert answer.status in {400, 404}
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.document["code"] in {"NAME_INVALID", "UNSUPPORTED"}


@pytest.mark.parametrize("tag", [".a", "a%00", "a%2Fb", "%FF", "a" * 129, "%20", "a:b", quote("ä")])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_tag_that_cannot_be_is_refused(client: Client, method: str, tag: str) -> None:
    body = {"digest": str(Digest.of(b""))}
    answer = await client.ask(method, f"/api/v1/repositories/team/app/tags/{tag}", json=body)

    assert (answer.status, answer.document["code"]) == (400, "NAME_INVALID")
