import json

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX, OCI_MANIFEST
from registry.config.schema import Server
from registry.config.values import ExternalUrl
from registry.services.context import Services
from tests.registry.http.serving import Client, Serve

ABSENT = Digest.of(b"never pushed")


async def test_a_manifest_comes_back_byte_for_byte_under_its_tag_and_digest(client: Client) -> None:
    digest, content = await client.push_artifact("team/app", "1")

    for reference in ("1", digest):
        answer = await client.get(f"/v2/team/app/manifests/{reference}")
        assert answer.status == 200
        assert answer.body == content
        # Clients compare the type as text: no parameter may stand behind it.
        assert answer.headers["Content-Type"] == OCI_MANIFEST
        assert answer.headers["Docker-Content-Digest"] == str(digest)
        assert answer.headers["ETag"] == f'"{digest}"'
        assert answer.headers["Content-Length"] == str(len(content))
        assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"


async def test_head_has_the_status_and_headers_of_get_and_no_body(client: Client) -> None:
    await client.push_artifact("team/app", "1")

    get = await client.get("/v2/team/app/manifests/1")
    head = await client.ask("HEAD", "/v2/team/app/manifests/1")

    varying = {"Date", "X-Request-ID"}
    assert head.status == get.status
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in get.headers.items() if k not in varying
    }
    assert head.body == b""


@pytest.mark.parametrize(
    "accept",
    [{}, {"Accept": "*/*"}, {"Accept": OCI_INDEX}, {"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
     {"Accept": "text/html;q=1, x/y;q=0"}],
)  # fmt: skip
async def test_what_is_stored_is_answered_whatever_accept_says(client: Client, accept: dict[str, str]) -> None:
    _, content = await client.push_artifact("team/app", "1")

    answer = await client.get("/v2/team/app/manifests/1", headers=accept)

    assert (answer.status, answer.body) == (200, content)
    assert "Vary" not in answer.headers


async def test_nothing_is_encoded_for_transfer_though_the_client_could_decode_it(client: Client) -> None:
    _, content = await client.push_artifact("team/app", "1")

    async with client.connection() as connection:
        await connection.send(
            b"GET /v2/team/app/manifests/1 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd;q=1.0, gzip;q=0.8\r\n\r\n"
        )
        answer = await connection.answer()

    assert "Content-Encoding" not in answer.headers
    assert answer.body == content


@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"', '"x", "{}"', "*"])
async def test_a_manifest_that_the_client_has_is_not_sent_again(client: Client, form: str) -> None:
    digest, _ = await client.push_artifact("team/app", "1")

    answer = await client.get("/v2/team/app/manifests/1", headers={"If-None-Match": form.format(digest)})

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["Docker-Content-Digest"] == str(digest)


async def test_a_manifest_that_has_changed_is_sent(client: Client) -> None:
    await client.push_artifact("team/app", "1")

    answer = await client.get("/v2/team/app/manifests/1", headers={"If-None-Match": f'"{ABSENT}"'})

    assert answer.status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "reference", ["absent", str(ABSENT), ".INVALID", "a" * 129, "sha256:totallywrong", "sha512:" + "A" * 128, "md5:0"]
)
async def test_what_cannot_have_been_pushed_is_as_unknown_as_what_was_not(
    client: Client, method: str, reference: str
) -> None:
    answer = await client.ask(method, f"/v2/team/app/manifests/{reference}")

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/json"
    if method == "GET":
        assert answer.refusal == (404, "MANIFEST_UNKNOWN")


async def test_a_push_tells_where_the_manifest_is(client: Client) -> None:
    digest, content = await client.push_artifact("team/app", "1")

    answer = await client.ask(
        "PUT", "/v2/team/app/manifests/2", data=content, headers={"Content-Type": f"{OCI_MANIFEST}; charset=utf-8"}
    )

    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["Location"] == f"/v2/team/app/manifests/{digest}"
    assert answer.headers["Docker-Content-Digest"] == str(digest)
    assert answer.headers["Content-Length"] == "0"
    assert "OCI-Subject" not in answer.headers
    assert "OCI-Tag" not in answer.headers


async def test_a_push_with_a_subject_tells_that_it_was_recorded(client: Client) -> None:
    subject = {"mediaType": OCI_MANIFEST, "digest": str(ABSENT), "size": 12}
    _, content = await client.push_artifact("team/app", subject=subject)

    answer = await client.ask("PUT", "/v2/team/app/manifests/1", data=content)

    assert answer.status == 201
    assert answer.headers["OCI-Subject"] == str(ABSENT)


async def test_a_push_by_digest_names_it_by_all_tag_parameters(client: Client) -> None:
    _, content = await client.push_artifact("team/app")
    digest = Digest.of(content, "sha512")

    answer = await client.ask("PUT", f"/v2/team/app/manifests/{digest}?tag=a&tag=b&tag=a", data=content)

    assert answer.status == 201
    assert answer.headers.getall("OCI-Tag") == ["a", "b"]
    assert answer.headers["Docker-Content-Digest"] == str(digest)
    for tag in ("a", "b"):
        tagged = await client.ask("HEAD", f"/v2/team/app/manifests/{tag}")
        assert tagged.headers["Docker-Content-Digest"] == str(digest)


@pytest.mark.parametrize(
    ("reference", "query", "refusal"),
    [
        ("{digest}", "?tag=ok&tag=.bad", (400, "NAME_INVALID")),
        ("named", "?tag=other", (400, "UNSUPPORTED")),
        ("{digest}", "?" + "&".join(f"tag=t{number}" for number in range(33)), (414, "UNSUPPORTED")),
    ],
)
async def test_tag_parameters_that_cannot_be_meant_change_nothing(
    client: Client, reference: str, query: str, refusal: tuple[int, str]
) -> None:
    digest, content = await client.push_artifact("team/app")

    answer = await client.ask("PUT", f"/v2/team/app/manifests/{reference.format(digest=digest)}{query}", data=content)

    assert answer.refusal == refusal
    assert (await client.get("/v2/team/app/tags/list")).document["tags"] == []


@pytest.mark.parametrize(
    ("reference", "code"),
    [("sha256:short", "DIGEST_INVALID"), (str(ABSENT), "DIGEST_INVALID"), (".bad", "NAME_INVALID"),
     ("md5:0", "DIGEST_INVALID")],
)  # fmt: skip
async def test_a_push_under_a_wrong_reference_is_the_clients_error(client: Client, reference: str, code: str) -> None:
    _, content = await client.push_artifact("team/app")

    answer = await client.ask("PUT", f"/v2/team/app/manifests/{reference}", data=content)

    assert answer.refusal == (400, code)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"no json", OCI_MANIFEST),
        (b"{}", "text/plain"),
        (b'{"schemaVersion":2,"mediaType":"%s","layers":[],"layers":[]}' % OCI_MANIFEST.encode(), OCI_MANIFEST),
        (b'{"schemaVersion":1}', "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (b"", OCI_MANIFEST),
    ],
)
async def test_what_is_no_manifest_is_refused_by_name(client: Client, content: bytes, content_type: str) -> None:
    answer = await client.ask("PUT", "/v2/team/app/manifests/1", data=content, headers={"Content-Type": content_type})

    assert answer.refusal == (400, "MANIFEST_INVALID")


async def test_a_type_other_than_the_manifests_own_is_refused(client: Client) -> None:
    _, content = await client.push_artifact("team/app")

    answer = await client.ask("PUT", "/v2/team/app/manifests/1", data=content, headers={"Content-Type": OCI_INDEX})

    assert answer.refusal == (400, "MANIFEST_INVALID")


async def test_every_missing_blob_is_named(client: Client) -> None:
    missing = [Digest.of(name) for name in (b"config", b"one", b"two")]
    config, *layers = [{"mediaType": "x/y", "digest": str(digest), "size": 1} for digest in missing]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}

    answer = await client.ask("PUT", "/v2/team/app/manifests/1", data=json.dumps(document).encode())

    assert answer.refusal == (400, "MANIFEST_BLOB_UNKNOWN")
    assert [error["detail"]["digest"] for error in answer.document["errors"]] == [str(digest) for digest in missing]


async def test_a_manifest_of_just_the_limit_is_taken_and_a_larger_one_is_not(
    client: Client, http_services: Services
) -> None:
    limit = http_services.settings.manifest_bytes
    _, content = await client.push_artifact("team/app")
    largest = content + b" " * (limit - len(content))

    taken = await client.ask("PUT", "/v2/team/app/manifests/1", data=largest)
    refused = await client.ask("PUT", "/v2/team/app/manifests/2", data=largest + b" ")

    assert taken.status == 201
    assert (await client.get("/v2/team/app/manifests/1")).body == largest
    assert refused.refusal == (413, "MANIFEST_INVALID")


async def test_an_endless_manifest_is_refused_as_soon_as_it_is_too_large(client: Client) -> None:
    async with client.connection() as connection:
        await connection.send(
            b"PUT /v2/team/app/manifests/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"400000\r\n", b" " * 0x400000, b"\r\n1\r\n \r\n",
        )  # fmt: skip
        answer = await connection.answer()

    assert answer.refusal == (413, "MANIFEST_INVALID")
    assert answer.headers["Connection"] == "close"


async def test_deleting_a_tag_leaves_the_manifest_and_its_other_tags(client: Client) -> None:
    digest, _ = await client.push_artifact("team/app", "1")
    await client.push_artifact("team/app", "2")

    deleted = await client.ask("DELETE", "/v2/team/app/manifests/1")

    assert (deleted.status, deleted.body) == (202, b"")
    assert (await client.get("/v2/team/app/manifests/1")).status == 404
    assert (await client.get("/v2/team/app/manifests/2")).status == 200
    assert (await client.get(f"/v2/team/app/manifests/{digest}")).status == 200


async def test_deleting_a_manifest_takes_all_its_tags(client: Client) -> None:
    digest, _ = await client.push_artifact("team/app", "1")

    deleted = await client.ask("DELETE", f"/v2/team/app/manifests/{digest}")

    assert deleted.status == 202
    assert (await client.get("/v2/team/app/manifests/1")).refusal == (404, "MANIFEST_UNKNOWN")
    assert (await client.get(f"/v2/team/app/manifests/{digest}")).refusal == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    ("reference", "refusal"),
    [("absent", (404, "MANIFEST_UNKNOWN")), (str(ABSENT), (404, "MANIFEST_UNKNOWN")),
     (".bad", (404, "MANIFEST_UNKNOWN")), ("sha256:short", (400, "DIGEST_INVALID"))],
)  # fmt: skip
async def test_what_is_not_there_cannot_be_deleted(client: Client, reference: str, refusal: tuple[int, str]) -> None:
    await client.push_artifact("team/app", "1")

    answer = await client.ask("DELETE", f"/v2/team/app/manifests/{reference}")

    assert answer.refusal == refusal


async def test_locations_bear_the_path_that_a_proxy_takes_away(serve: Serve) -> None:
    client = await serve(tables={"server": Server(external_url=ExternalUrl.parse("https://example.com/registry"))})
    _, content = await client.push_artifact("team/app")

    answer = await client.ask("PUT", "/v2/team/app/manifests/1", data=content)

    assert answer.headers["Location"].startswith("/registry/v2/team/app/manifests/sha256:")
