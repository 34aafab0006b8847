import os
from pathlib import Path
from typing import Any

import pytest

from registry import limits
from registry.config.schema import Server
from registry.config.values import Network
from registry.services.context import Services
from tests.registry.assembly import Rules, open_services
from tests.registry.http.serving import Client, Serve, logged
from tests.registry.uploading import stored_blobs

LONG = "x" * 70_000


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
async def test_the_version_check_is_an_empty_object(client: Client, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"


@pytest.mark.parametrize(
    "path",
    ["/v2/unknown", "/v2/team/app", "/v2/team/app/manifests/", "/v2//manifests/1", "/v1/images", "/", "/v2/a%0Ab/x"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PROPFIND"])
async def test_an_unknown_resource_is_not_found_in_json(client: Client, method: str, path: str) -> None:
    answer = await client.ask(method, path)

    assert answer.refusal == (404, "UNSUPPORTED")
    assert ("Docker-Distribution-API-Version" in answer.headers) == path.startswith("/v2/")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2/team/app/manifests/1", "DELETE, GET, HEAD, PUT"),
        ("OPTIONS", "/v2/team/app/tags/list", "GET, HEAD"),
        ("PUT", "/v2/team/app/blobs/uploads/", "POST"),
        ("DELETE", "/v2/", "GET, HEAD"),
        ("TRACE", "/healthz", "GET, HEAD"),
        ("PROPFIND", "/v2/_catalog", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_taken_is_answered_with_those_that_are(
    client: Client, method: str, path: str, allowed: str
) -> None:
    answer = await client.ask(method, path)

    assert answer.refusal == (405, "UNSUPPORTED")
    assert answer.headers["Allow"] == allowed


async def test_head_of_an_error_has_the_headers_of_get_and_no_body(client: Client) -> None:
    get = await client.get("/v2/team/app/manifests/absent")
    head = await client.ask("HEAD", "/v2/team/app/manifests/absent")

    assert (head.status, head.body) == (404, b"")
    for name in ("Content-Type", "Content-Length", "Docker-Distribution-API-Version"):
        assert head.headers[name] == get.headers[name]


async def test_an_error_names_what_it_is_about(client: Client) -> None:
    answer = await client.get("/v2/team/app/manifests/absent")

    error = answer.document["errors"][0]
    assert error["detail"] == {"name": "team/app", "reference": "absent"}
    assert "absent" in error["message"]


async def test_the_web_api_answers_errors_as_problems(client: Client) -> None:
    answer = await client.get("/api/v1/nowhere")

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.document["status"] == 404
    assert answer.document["title"] == "Not Found"
    assert answer.document["detail"]


@pytest.mark.parametrize(
    "name",
    ["..", "../..", "a/../b", ".", "a/./b", "A", "a//b", "/a", "a/", "-a", "a_", "a___b", "%2E%2E%2Fetc", "a%2F..",
     "%00", "a%00b", "a%0A", "%FF%FE", "%C3%BC", "a%20b", "a%25b", "a" * 256, "a/" * 130 + "a", "%zz"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_name_that_is_none_is_refused_and_touches_nothing(
    client: Client, storage_root: Path, method: str, name: str
) -> None:
    answer = await client.raw(
        f"{method} /v2/{name}/manifests/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode()
    )

    assert answer.refusal == (400, "NAME_INVALID")
    assert stored_blobs(storage_root) == []


async def test_a_name_of_just_the_limit_is_a_name(client: Client) -> None:
    answer = await client.get(f"/v2/{'a' * 255}/manifests/1")

    assert answer.refusal == (404, "MANIFEST_UNKNOWN")


async def test_escaped_characters_mean_what_they_mean_unescaped(client: Client) -> None:
    digest, content = await client.push_artifact("team/app", "1")

    by_tag = await client.get("/v2/team%2Fapp/manifests/%31")
    by_digest = await client.get(f"/v2/%74eam/app/manifests/{str(digest).replace(':', '%3A')}")

    assert by_tag.body == by_digest.body == content


async def test_an_error_may_repeat_what_is_no_text(client: Client) -> None:
    answer = await client.get("/v2/team/app/blobs/%ED%A0%80%FF")

    assert answer.refusal == (400, "DIGEST_INVALID")


async def test_a_namespace_parameter_of_a_mirror_is_tolerated(client: Client) -> None:
    _, content = await client.push_artifact("team/app", "1")

    answer = await client.get("/v2/team/app/manifests/1?ns=docker.io")

    assert answer.body == content


@pytest.mark.parametrize(("sent", "kept"), [("abc-123", True), ("x" * 129, False), ("a b", False)])
async def test_a_plain_request_id_is_taken_over_and_told(client: Client, sent: str, kept: bool) -> None:
    answer = await client.get("/v2/", headers={"X-Request-ID": sent})

    assert (answer.headers["X-Request-ID"] == sent) is kept
    assert answer.headers["X-Request-ID"]


async def test_every_request_is_logged_with_what_it_was(client: Client, access_log: Path) -> None:
    await client.get("/v2/team/app/manifests/1?_state=secret", headers={"X-Request-ID": "id-1", "User-Agent": "curl"})

    entry = await logged(access_log, "id-1")

    assert entry["method"] == "GET"
    assert entry["target"] == "/v2/team/app/manifests/1?_state=***"
    assert (entry["code"], entry["handler"], entry["subject"]) == (404, "manifest", "anonymous")
    assert (entry["remote"], entry["agent"], entry["protocol"]) == ("127.0.0.1", "curl", "HTTP/1.1")


async def test_behind_a_trusted_proxy_the_client_is_who_the_proxy_says(serve: Serve, access_log: Path) -> None:
    server = Server(trusted_proxies=(Network.parse("127.0.0.0/8"), Network.parse("10.0.0.0/8")))
    client = await serve(tables={"server": server})

    for number, headers in enumerate(
        (
            {"X-Forwarded-For": "6.6.6.6, 1.2.3.4, 10.0.0.1", "X-Forwarded-Proto": "https"},
            {"Forwarded": 'for=6.6.6.6;proto=https, for="[2001:db8::1]:4711";host=registry.example'},
        )
    ):
        await client.get("/v2/", headers={"X-Request-ID": f"id-{number}", **headers})

    entries = [await logged(access_log, f"id-{number}") for number in range(2)]
    assert [entry["remote"] for entry in entries] == ["1.2.3.4", "2001:db8::1"]
    assert [entry["scheme"] for entry in entries] == ["https", "http"]
    assert entries[1]["host"] == "registry.example"


async def test_without_a_trusted_proxy_nobody_is_believed(client: Client, access_log: Path) -> None:
    spoofed = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    await client.get("/v2/", headers={"X-Request-ID": "id-1", "Host": "localhost:5000", **spoofed})

    entry = await logged(access_log, "id-1")
    assert (entry["remote"], entry["scheme"], entry["host"]) == ("127.0.0.1", "http", "localhost:5000")


async def test_a_host_that_is_none_is_not_recorded(client: Client, access_log: Path) -> None:
    await client.get("/v2/", headers={"X-Request-ID": "id-1", "Host": 'evil.example" x="'})

    assert "host" not in await logged(access_log, "id-1")


async def test_a_defect_is_answered_without_telling_more(
    serve: Serve, http_services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = await serve()

    async def fail(*_: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(http_services.database.lookups, "manifest_by_tag", fail, raising=True)

    answer = await client.get("/v2/team/app/manifests/1")

    assert answer.refusal == (500, "UNKNOWN")
    assert "secret" not in answer.body.decode()
    assert (await client.get("/v2/")).status == 200
    assert "ZeroDivisionError" in "".join(capsys.readouterr())


async def test_a_blob_whose_bytes_are_gone_is_absent_until_it_is_pushed_again(
    client: Client, storage_root: Path
) -> None:
    digest = await client.push_blob("team/app", LONG.encode())
    stored_blobs(storage_root)[0].unlink()

    answer = await client.get(f"/v2/team/app/blobs/{digest}")
    asked = await client.ask("HEAD", f"/v2/team/app/blobs/{digest}")
    await client.push_blob("team/app", LONG.encode())
    healed = await client.get(f"/v2/team/app/blobs/{digest}")

    assert answer.refusal == (404, "BLOB_UNKNOWN")
    assert asked.status == 404
    assert healed.body == LONG.encode()


async def test_an_answer_that_cannot_be_completed_ends_with_its_connection(client: Client, storage_root: Path) -> None:
    # More than the kernel takes while nobody reads.
    size = 12_000_000
    digest = await client.push_blob("team/app", b"x" * size)
    blob = stored_blobs(storage_root)[0]
    async with client.connection() as connection:
        await connection.send(f"GET /v2/team/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        status, headers = await connection.head()

        os.truncate(blob, 1000)
        received = await connection.rest()

    assert (status, headers["Content-Length"]) == (200, str(size))
    assert len(received) < size


async def test_a_body_is_asked_for_only_once_its_request_is_allowed(
    serve: Serve, storage_root: Path, sqlite_url: str
) -> None:
    async with open_services(storage_root, sqlite_url, policy=Rules()) as services:
        client = await serve(services=services)

        async with client.connection() as connection:
            await connection.send(
                b"PUT /v2/team/app/manifests/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
            )
            answer = await connection.answer()
            assert await connection.rest() == b""

    assert answer.refusal == (403, "DENIED")
    assert answer.headers["Connection"] == "close"


async def test_a_client_that_waits_for_it_is_told_to_send_its_body(client: Client) -> None:
    async with client.connection() as connection:
        await connection.send(
            b"POST /v2/team/app/blobs/uploads/?digest=sha256:"
            b"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 HTTP/1.1\r\nHost: a\r\n"
            b"Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n"
        )
        assert (await connection.head())[0] == 100
        await connection.send(b"hello")

        assert (await connection.answer()).status == 201


@pytest.mark.parametrize("size", [10, limits.DISCARD_BYTES])
async def test_a_little_body_that_nobody_wants_is_read_and_the_connection_kept(client: Client, size: int) -> None:
    head = f"PUT /v2/nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()
    async with client.connection() as connection:
        await connection.send(head, b"x" * size, b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
        refused, served = await connection.answer(), await connection.answer()

    assert refused.refusal == (404, "UNSUPPORTED")
    assert "Connection" not in refused.headers
    assert served.body == b"{}"


@pytest.mark.parametrize(
    "framing",
    ["Content-Length: 1000000000", "Transfer-Encoding: chunked", f"Content-Length: {limits.DISCARD_BYTES + 1}"],
)
async def test_a_long_body_that_nobody_wants_ends_the_connection(client: Client, framing: str) -> None:
    async with client.connection() as connection:
        await connection.send(f"PUT /v2/nowhere HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode())
        refused = await connection.answer()
        rest = await connection.rest()

    assert refused.refusal == (404, "UNSUPPORTED")
    assert refused.headers["Connection"] == "close"
    assert rest == b""


@pytest.mark.parametrize("size", [limits.DISCARD_BYTES + 1, limits.LINGER_BYTES])
async def test_a_client_that_sends_a_long_body_before_it_reads_still_gets_its_answer(client: Client, size: int) -> None:
    head = f"PUT /v2/nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()
    async with client.connection() as connection:
        await connection.send(head, b"x" * (size - 100_000))

        assert (await connection.answer()).status == 404
