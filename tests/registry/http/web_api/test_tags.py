"""Tags in the web API: listed, shown with what is in their images, moved, removed and remembered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX, OCI_MANIFEST
from registry.services.context import Services
from tests.registry.http.serving import Answer, Client
from tests.registry.http.web_api.reading import walk
from tests.registry.pushing import AMD64, ARM64, UNKNOWN, Document, Pusher

TAGS = "/api/v1/repositories/team/app/tags"

CONFIG: Document = {
    **AMD64,
    "created": "2026-01-02T03:04:05.123456789Z",
    "config": {
        "Cmd": ["serve"],
        "Entrypoint": ["/app"],
        "Env": ["A=1"],
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"org.opencontainers.image.title": "app"},
        "User": "app",
        "WorkingDir": "/srv",
        "Volumes": {"/data": {}},
        "StopSignal": "SIGINT",
    },
    "history": [
        {"created_by": "ADD rootfs.tar", "created": "2026-01-02T00:00:00+01:00"},
        {"created_by": "ENV A=1", "empty_layer": True},
        {"created_by": "COPY . /srv", "comment": "buildkit"},
    ],
}


def platform(**fields: str) -> Document:
    return {"variant": None, "os_version": None, "os_features": [], **fields}


async def test_a_list_shows_what_each_tag_names(client: Client, http_services: Services) -> None:
    pusher = Pusher.to(http_services, "team/app")
    amd64, arm64 = await pusher.image("1"), await pusher.image(config=ARM64)
    index = await pusher.index("2", manifests=[{**arm64, "platform": ARM64}, {**amd64, "platform": AMD64}])
    await pusher.image("3", config=b"{}", config_type="application/x")

    answer = await client.get(TAGS)

    assert answer.document["repository"] == "team/app"
    first, second, third = answer.document["tags"]
    assert (first["name"], first["digest"], first["media_type"]) == ("1", amd64["digest"], OCI_MANIFEST)
    assert first["platforms"] == [platform(os="linux", architecture="amd64")]
    assert (second["digest"], second["media_type"]) == (index["digest"], OCI_INDEX)
    assert [each["architecture"] for each in second["platforms"]] == ["arm64", "amd64"]
    assert second["size"] > first["size"]
    assert (first["artifact_type"], third["artifact_type"], third["platforms"]) == (None, "application/x", [])
    assert (first["pushed_by"], first["pulled_at"]) == ("anonymous", None)


async def test_a_tag_tells_when_it_was_last_pulled(client: Client, http_services: Services) -> None:
    await Pusher.to(http_services, "team/app").index("1", "2", manifests=[])
    await client.get("/v2/team/app/manifests/1")
    await http_services.pulls.flush(http_services.database)

    pulled, never = (await client.get(f"{TAGS}?sort=pulled&order=desc")).document["tags"]

    assert (pulled["name"], never["name"], never["pulled_at"]) == ("1", "2", None)
    assert pulled["pulled_at"] > pulled["pushed_at"]


@pytest.mark.parametrize("sort", ["name", "pushed", "pulled", "size"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_the_links_lead_through_the_whole_list_in_any_order(
    client: Client, http_services: Services, sort: str, order: str
) -> None:
    pusher = Pusher.to(http_services, "team/app")
    for number in (3, 1, 2):
        await pusher.image(f"v{number}", f"w{number}", layers=[b"x" * number])

    whole = await client.get(f"{TAGS}?sort={sort}&order={order}")
    pages = await walk(client, f"{TAGS}?sort={sort}&order={order}&limit=1", "tags")

    assert pages == whole.document["tags"]
    assert len(pages) == 6


async def test_an_image_shows_how_it_runs_its_layers_and_how_it_was_built(
    client: Client, http_services: Services
) -> None:
    await Pusher.to(http_services, "team/app").image("1", config=CONFIG, layers=[b"lower", b"upper"])

    document = (await client.get(f"{TAGS}/1")).document

    [image] = document["manifests"]
    assert image["configuration"] == {
        "created_at": "2026-01-02T03:04:05.123456Z",
        "author": None,
        "command": ["serve"],
        "entrypoint": ["/app"],
        "environment": ["A=1"],
        "exposed_ports": ["80/tcp"],
        "labels": {"org.opencontainers.image.title": "app"},
        "user": "app",
        "working_directory": "/srv",
        "volumes": ["/data"],
        "stop_signal": "SIGINT",
    }
    lower, upper = str(Digest.of(b"lower")), str(Digest.of(b"upper"))
    assert [(layer["digest"], layer["size"]) for layer in image["layers"]] == [(lower, 5), (upper, 5)]
    assert image["history"] == [
        step("ADD rootfs.tar", lower, created_at="2026-01-01T23:00:00Z"),
        step("ENV A=1", None, empty_layer=True),
        step("COPY . /srv", upper, comment="buildkit"),
    ]
    assert (document["platforms"], image["platform"]) == (
        [image["platform"]],
        platform(os="linux", architecture="amd64"),
    )
    assert (document["complete"], document["repository"], document["name"]) == (True, "team/app", "1")


def step(created_by: str, layer: str | None, **fields: Any) -> Document:
    absent = {"created_at": None, "comment": None, "empty_layer": False}
    return {**absent, "created_by": created_by, "layer": layer, **fields}


async def test_a_history_of_another_length_than_the_layers_names_none_of_them(
    client: Client, http_services: Services
) -> None:
    await Pusher.to(http_services, "team/app").image("1", config=CONFIG, layers=[b"squashed"])

    [image] = (await client.get(f"{TAGS}/1")).document["manifests"]

    assert [made["layer"] for made in image["history"]] == [None, None, None]


async def test_an_attestation_is_marked_and_no_platform(client: Client, http_services: Services) -> None:
    pusher = Pusher.to(http_services, "team/app")
    image = {**await pusher.image(), "platform": AMD64}
    statement = {**await pusher.image(config=UNKNOWN, layers=[b"statement"]), "platform": UNKNOWN}
    await pusher.index("1", manifests=[image, statement])

    document = (await client.get(f"{TAGS}/1")).document

    assert document["platforms"] == [platform(os="linux", architecture="amd64")]
    assert [(each["role"], each["platform"] is None) for each in document["manifests"]] == [
        ("image", False),
        ("attestation", True),
    ]


STRANGE = ["\0", "\x1b[31m", "</script>", "\u2028", "\U0001f40b", "\ufeff", '"\\', "\x7f\x80", "\u202e"]


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
async def test_any_text_in_a_configuration_is_answered_as_it_is(
    client: Client, http_services: Services, text: str
) -> None:
    config = {**AMD64, "config": {"Labels": {text: text}, "Env": [text]}, "history": [{"created_by": text}]}
    pusher = Pusher.to(http_services, "team/app")
    await pusher.image("1", config=json.dumps(config, ensure_ascii=False).encode(), annotations={text: text})

    document = (await client.get(f"{TAGS}/1")).document

    [image] = document["manifests"]
    assert (image["configuration"]["labels"], image["configuration"]["environment"]) == ({text: text}, [text])
    assert (image["history"][0]["created_by"], document["annotations"]) == (text, {text: text})


@pytest.mark.parametrize("field", ["Labels", "created_by", "Env"])
async def test_text_that_is_no_text_makes_a_configuration_unreadable_and_nothing_else(
    client: Client, http_services: Services, field: str
) -> None:
    lone = '"\\ud800"'
    parts = {
        "Labels": f'"config": {{"Labels": {{"a": {lone}}}}}',
        "created_by": f'"history": [{{"created_by": {lone}}}]',
        "Env": f'"config": {{"Env": [{lone}]}}',
    }
    config = f'{{"os": "linux", "architecture": "amd64", {parts[field]}}}'.encode()
    await Pusher.to(http_services, "team/app").image("1", config=config)

    answer = await client.get(f"{TAGS}/1")

    [image] = answer.document["manifests"]
    answer.body.decode("utf-8")
    assert (image["configuration"], image["history"], len(image["layers"])) == (None, [], 1)


async def test_a_tag_is_made_and_moved_and_its_history_tells(client: Client, http_services: Services) -> None:
    pusher = Pusher.to(http_services, "team/app")
    old, new = await pusher.image("1"), await pusher.image("2", config=ARM64)

    made = await point(client, "latest", old["digest"])
    moved = await point(client, "latest", new["digest"])
    again = await point(client, "latest", new["digest"])

    assert [(answer.status, answer.body) for answer in (made, moved, again)] == [(204, b"")] * 3
    assert (await client.get(f"{TAGS}/latest")).document["digest"] == new["digest"]
    history = (await client.get(f"{TAGS}/latest/history")).document
    assert (history["repository"], history["tag"], history["next_cursor"]) == ("team/app", "latest", None)
    now, before = history["history"]
    assert (now["digest"], now["valid_until"], now["actor"]) == (new["digest"], None, "anonymous")
    assert (before["digest"], before["valid_until"], before["ended_by"]) == (
        old["digest"],
        now["valid_from"],
        "anonymous",
    )


async def point(client: Client, tag: str, digest: str) -> Answer:
    return await client.ask("PUT", f"{TAGS}/{tag}", json={"digest": digest})


async def test_a_tag_can_only_name_what_is_in_its_repository(client: Client, http_services: Services) -> None:
    await Pusher.to(http_services, "team/app").image("1")
    elsewhere = await Pusher.to(http_services, "team/other").index("1", manifests=[])

    answer = await point(client, "1", elsewhere["digest"])

    assert (answer.status, answer.document["code"]) == (404, "MANIFEST_UNKNOWN")
    assert (await client.get(f"{TAGS}/1/history")).document["history"][0]["digest"] != elsewhere["digest"]


async def test_a_removed_tag_leaves_the_others_and_its_history(client: Client, http_services: Services) -> None:
    await Pusher.to(http_services, "team/app").image("1", "2")

    removed = await client.ask("DELETE", f"{TAGS}/1")
    again = await client.ask("DELETE", f"{TAGS}/1")

    assert (removed.status, removed.body) == (204, b"")
    assert (again.status, again.document["code"]) == (404, "MANIFEST_UNKNOWN")
    assert [tag["name"] for tag in (await client.get(TAGS)).document["tags"]] == ["2"]
    [interval] = (await client.get(f"{TAGS}/1/history")).document["history"]
    assert (interval["ended_by"], interval["valid_until"] > interval["valid_from"]) == ("anonymous", True)


async def test_a_long_history_comes_in_pages(client: Client, http_services: Services) -> None:
    pusher = Pusher.to(http_services, "team/app")
    images = [await pusher.image("1", annotations={"number": str(number)}) for number in range(5)]

    digests, path = [], f"{TAGS}/1/history?limit=2"
    while path:
        answer = await client.get(path)
        digests += [interval["digest"] for interval in answer.document["history"]]
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")

    assert digests == [image["digest"] for image in images[::-1]]
    beyond = await client.get(f"{TAGS}/1/history?cursor=MQ")
    assert (beyond.status, beyond.document["history"]) == (200, [])


@pytest.mark.parametrize("path", ["", "/1", "/1/history"])
async def test_what_does_not_exist_is_not_found(client: Client, http_services: Services, path: str) -> None:
    repository = await client.get(f"{TAGS}{path}")
    await Pusher.to(http_services, "team/app").index("2", manifests=[])
    tag = await client.get(f"{TAGS}{path}")

    assert (repository.status, repository.document["code"]) == (404, "NAME_UNKNOWN")
    if path:
        assert (tag.status, tag.document["code"]) == (404, "MANIFEST_UNKNOWN")
