import asyncio
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.auth.policy import Permission
from registry.config.schema import Server
from registry.config.values import ExternalUrl
from registry.services.context import Services
from tests.registry.assembly import Rules, open_services
from tests.registry.http.serving import Answer, Client, Serve
from tests.registry.uploading import upload_files

UPLOADS = "/v2/team/app/blobs/uploads/"
CONTENT = b"0123456789"


async def start(client: Client, query: str = "") -> str:
    answer = await client.ask("POST", f"{UPLOADS}{query}")
    assert answer.status == 202
    return answer.headers["Location"]


async def patch(client: Client, location: str, data: bytes, content_range: str | None = None) -> Answer:
    headers = {"Content-Range": content_range} if content_range is not None else {}
    return await client.ask("PATCH", location, data=data, headers=headers)


def closing(location: str, digest: Digest) -> str:
    return f"{location}&digest={digest}"


async def test_a_session_begins_with_a_location_and_no_bytes(client: Client) -> None:
    answer = await client.ask("POST", UPLOADS)

    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["Location"].startswith(f"{UPLOADS}{answer.headers['Docker-Upload-UUID']}?_state=")
    assert answer.headers["Range"] == "0-0"
    assert answer.headers["Content-Length"] == "0"
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"


@pytest.mark.parametrize("path", [UPLOADS, UPLOADS.rstrip("/")])
async def test_the_slash_at_the_end_may_be_missing(client: Client, path: str) -> None:
    assert (await client.ask("POST", path)).status == 202


@pytest.mark.parametrize("query", ["?from=team/other", "?mount=nonsense&from=team/other", "?mount=&from=",
                                   "?mount=sha256:short", "?&&", "?unknown=1", "?digest-algorithm="])  # fmt: skip
async def test_a_request_that_names_nothing_to_mount_opens_a_session(client: Client, query: str) -> None:
    location = await start(client, query)

    assert (await client.get(location)).status == 204


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("content", [b"", b"{}", CONTENT, b"x" * 300_000])
async def test_post_and_put_make_a_blob(client: Client, content: bytes, algorithm: str) -> None:
    digest = Digest.of(content, algorithm)
    location = await start(client)

    answer = await client.ask("PUT", closing(location, digest), data=content)

    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["Location"] == f"/v2/team/app/blobs/{digest}"
    assert answer.headers["Docker-Content-Digest"] == str(digest)
    assert (await client.get(answer.headers["Location"])).body == content
    assert (await client.get(location)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_a_single_post_makes_a_blob(client: Client) -> None:
    digest = Digest.of(CONTENT)

    answer = await client.ask(
        "POST", f"{UPLOADS}?digest={digest}", data=CONTENT, headers={"Content-Type": "application/json"}
    )

    assert answer.status == 201
    assert answer.headers["Location"] == f"/v2/team/app/blobs/{digest}"
    assert answer.headers["Docker-Content-Digest"] == str(digest)
    assert (await client.get(answer.headers["Location"])).body == CONTENT


async def chunked(*chunks: bytes) -> object:
    for chunk in chunks:
        yield chunk


async def test_a_single_post_may_be_streamed(client: Client) -> None:
    digest = Digest.of(CONTENT)

    answer = await client.ask("POST", f"{UPLOADS}?digest={digest}", data=chunked(CONTENT[:4], CONTENT[4:]))

    assert answer.status == 201


async def test_a_stream_without_a_range_or_a_length_is_appended(client: Client) -> None:
    location = await start(client)

    first = await client.ask("PATCH", location, data=chunked(CONTENT[:3], CONTENT[3:5]))
    second = await client.ask("PATCH", first.headers["Location"], data=chunked(CONTENT[5:]))
    done = await client.ask("PUT", closing(second.headers["Location"], Digest.of(CONTENT)))

    assert (first.status, first.headers["Range"]) == (202, "0-4")
    assert (second.status, second.headers["Range"]) == (202, "0-9")
    assert first.headers["Content-Length"] == "0"
    assert done.status == 201


async def test_chunks_in_order_make_a_blob_with_the_last_one_in_the_put(client: Client) -> None:
    location = await start(client, "?digest-algorithm=sha512")

    first = await patch(client, location, CONTENT[:4], "0-3")
    second = await patch(client, first.headers["Location"], CONTENT[4:7], "bytes 4-6/10")
    done = await client.ask(
        "PUT",
        closing(second.headers["Location"], Digest.of(CONTENT, "sha512")),
        data=CONTENT[7:],
        headers={"Content-Range": "7-9"},
    )

    # The range tells of the whole upload, never of one chunk.
    assert [first.headers["Range"], second.headers["Range"]] == ["0-3", "0-6"]
    assert done.status == 201


@pytest.mark.parametrize("content_range", ["5-8", "0-3", "3-6"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_a_chunk_out_of_order_is_refused_and_the_session_lives_on(
    client: Client, method: str, content_range: str
) -> None:
    location = (await patch(client, await start(client), CONTENT[:4], "0-3")).headers["Location"]
    digest = Digest.of(CONTENT)
    target = closing(location, digest) if method == "PUT" else location

    refused = await client.ask(method, target, data=b"abcd", headers={"Content-Range": content_range})

    assert refused.refusal == (416, "BLOB_UPLOAD_INVALID")
    # A client may go on from these without asking first.
    assert refused.headers["Range"] == "0-3"
    assert (await client.get(target)).status == 204
    done = await client.ask("PUT", closing(refused.headers["Location"], digest), data=CONTENT[4:])
    assert done.status == 201


async def test_a_stream_on_an_old_location_is_not_appended_twice(client: Client) -> None:
    location = await start(client)
    await patch(client, location, CONTENT[:4])

    replayed = await patch(client, location, CONTENT[:4])
    status = await client.get(location)

    assert replayed.refusal == (416, "BLOB_UPLOAD_INVALID")
    assert (status.status, status.headers["Range"]) == (204, "0-3")


async def test_a_last_piece_on_an_old_location_is_not_appended(client: Client) -> None:
    location = await start(client)
    current = (await patch(client, location, CONTENT[:4])).headers["Location"]
    digest = Digest.of(CONTENT)

    replayed = await client.ask("PUT", closing(location, digest), data=CONTENT)
    done = await client.ask("PUT", closing(current, digest), data=CONTENT[4:])

    assert replayed.refusal == (416, "BLOB_UPLOAD_INVALID")
    assert done.status == 201


async def test_a_session_may_be_closed_on_any_of_its_locations(client: Client) -> None:
    location = await start(client)
    await patch(client, location, CONTENT)

    done = await client.ask("PUT", closing(location, Digest.of(CONTENT)))

    assert done.status == 201


async def test_a_location_without_its_state_still_names_the_session(client: Client) -> None:
    location = (await start(client)).partition("?")[0]

    appended = await patch(client, location, CONTENT)

    assert appended.status == 202


async def test_the_query_of_a_location_may_be_re_encoded_and_reordered(client: Client) -> None:
    path, _, query = (await start(client)).partition("?")
    name, _, value = query.partition("=")
    encoded = "".join(f"%{ord(character):02X}" for character in value)

    done = await client.ask("PUT", f"{path}?digest={Digest.of(CONTENT)}&ns=x&{name}={encoded}", data=CONTENT)

    assert done.status == 201


async def test_a_forged_state_is_no_session(client: Client) -> None:
    location = await start(client)
    other = await start(client)
    forged = [location[:-2] + ("AA" if location[-2:] != "AA" else "BB"), location.partition("=")[0] + "=", "%00",
              location.partition("?")[0] + "?" + other.partition("?")[2]]  # fmt: skip

    for target in forged[:2] + forged[3:]:
        assert (await patch(client, target, CONTENT)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("upload", ["00000000-0000-0000-0000-000000000000", "%2E%2E", "%00", "x" * 500])
async def test_an_unknown_session_is_unknown_to_every_method(client: Client, method: str, upload: str) -> None:
    answer = await client.ask(method, f"{UPLOADS}{upload}?digest={Digest.of(b'')}")

    assert answer.status == 404
    if method != "HEAD":
        assert answer.refusal == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_a_session_of_another_repository_is_unknown(client: Client) -> None:
    location = (await start(client)).replace("team/app", "team/other")

    assert (await client.get(location)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")
    assert (await patch(client, location, CONTENT)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("content_range", ["garbage", "5-4", "0-", "bytes */10", "-1", "0-1-2", ""])
async def test_a_content_range_that_cannot_be_read_is_the_clients_error(client: Client, content_range: str) -> None:
    location = await start(client)

    answer = await patch(client, location, CONTENT, content_range)

    assert answer.refusal == (400, "UNSUPPORTED")
    assert (await client.get(location)).headers["Range"] == "0-0"


async def test_a_range_of_another_size_than_the_body_is_refused_whole(client: Client) -> None:
    location = await start(client)

    by_length = await patch(client, location, CONTENT, "0-99")
    short = await client.ask("PATCH", location, data=chunked(CONTENT), headers={"Content-Range": "0-99"})
    long = await client.ask("PATCH", location, data=chunked(CONTENT), headers={"Content-Range": "0-4"})

    assert by_length.refusal == short.refusal == long.refusal == (400, "SIZE_INVALID")
    assert (await client.get(location)).headers["Range"] == "0-0"
    assert (await patch(client, location, CONTENT, "0-9")).headers["Range"] == "0-9"


async def test_a_streamed_chunk_is_taken_where_its_range_begins(client: Client) -> None:
    location = await start(client)

    wrong = await client.ask("PATCH", location, data=chunked(CONTENT), headers={"Content-Range": "5-14"})
    right = await client.ask("PATCH", location, data=chunked(CONTENT), headers={"Content-Range": "0-9"})

    assert wrong.refusal == (416, "BLOB_UPLOAD_INVALID")
    assert right.headers["Range"] == "0-9"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/html", "nonsense"])
async def test_bytes_may_be_called_anything(client: Client, content_type: str) -> None:
    location = await start(client)

    answer = await client.ask("PATCH", location, data=CONTENT, headers={"Content-Type": content_type})

    assert answer.status == 202


async def test_bytes_are_kept_as_they_were_sent_whatever_their_encoding_is_said_to_be(client: Client) -> None:
    location = await start(client)

    answer = await client.ask(
        "PUT", closing(location, Digest.of(CONTENT)), data=CONTENT, headers={"Content-Encoding": "gzip"}
    )

    assert answer.status == 201


@pytest.mark.parametrize("query", ["", "&digest=nonsense", "&digest=sha256:short", "&digest=md5:0", "&digest="])
async def test_a_close_without_a_usable_digest_keeps_the_session(client: Client, query: str) -> None:
    location = await start(client)

    answer = await client.ask("PUT", f"{location}{query}", data=CONTENT)

    assert answer.refusal == (400, "DIGEST_INVALID")
    assert (await client.get(location)).status == 204


async def test_of_two_digests_the_last_one_counts(client: Client) -> None:
    location = await start(client)

    answer = await client.ask("PUT", f"{location}&digest={Digest.of(b'')}&digest={Digest.of(CONTENT)}", data=CONTENT)

    assert answer.status == 201


async def test_another_digest_than_the_contents_ends_the_session(client: Client, storage_root: Path) -> None:
    location = await start(client)

    answer = await client.ask("PUT", closing(location, Digest.of(b"other")), data=CONTENT)

    assert answer.refusal == (400, "DIGEST_INVALID")
    assert (await client.get(location)).status == 404
    assert (await client.ask("HEAD", f"/v2/team/app/blobs/{Digest.of(CONTENT)}")).status == 404
    assert upload_files(storage_root) == []


@pytest.mark.parametrize("query", ["?digest=sha256:short", "?digest=md5:0", "?digest=", "?digest-algorithm=md5"])
async def test_a_post_under_a_digest_that_cannot_be_is_refused(client: Client, query: str) -> None:
    answer = await client.ask("POST", f"{UPLOADS}{query}", data=CONTENT)

    assert answer.refusal == (400, "DIGEST_INVALID")


async def test_a_single_post_of_other_content_leaves_nothing(client: Client, storage_root: Path) -> None:
    answer = await client.ask("POST", f"{UPLOADS}?digest={Digest.of(b'other')}", data=CONTENT)

    assert answer.refusal == (400, "DIGEST_INVALID")
    assert upload_files(storage_root) == []


async def test_a_cancelled_session_is_gone(client: Client, storage_root: Path) -> None:
    location = await start(client)
    await patch(client, location, CONTENT)

    answer = await client.ask("DELETE", location)

    assert (answer.status, answer.body) == (204, b"")
    assert (await client.get(location)).status == 404
    assert upload_files(storage_root) == []


async def test_head_of_a_session_is_as_get(client: Client) -> None:
    location = await start(client)
    await patch(client, location, CONTENT)

    get, head = await client.get(location), await client.ask("HEAD", location)

    assert (head.status, head.headers["Range"]) == (get.status, get.headers["Range"]) == (204, "0-9")
    assert head.headers["Location"] == get.headers["Location"]


async def test_a_mount_links_the_blob_of_another_repository(client: Client) -> None:
    digest = await client.push_blob("team/source", CONTENT)

    answer = await client.ask("POST", f"{UPLOADS}?mount={digest}&from=team/source")

    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["Location"] == f"/v2/team/app/blobs/{digest}"
    assert answer.headers["Docker-Content-Digest"] == str(digest)
    assert (await client.get(answer.headers["Location"])).body == CONTENT


async def test_a_mount_without_a_source_finds_one(client: Client) -> None:
    digest = await client.push_blob("team/source", CONTENT)

    answer = await client.ask("POST", f"{UPLOADS}?mount={digest}")

    assert answer.status == 201


@pytest.mark.parametrize("source", ["&from=team/absent", "&from=team/app", "&from=INVALID", "&from=", ""])
async def test_a_mount_that_cannot_be_done_is_an_upload(client: Client, source: str) -> None:
    digest = Digest.of(CONTENT)

    location = await start(client, f"?mount={digest}{source}")

    assert (await client.ask("PUT", closing(location, digest), data=CONTENT)).status == 201


async def test_a_mount_from_an_unreadable_repository_is_an_upload(
    serve: Serve, http_services: Services, storage_root: Path, sqlite_url: str
) -> None:
    digest = await (await serve()).push_blob("private/app", CONTENT)
    rules = Rules((Permission.PUSH, "team/app"))
    async with open_services(storage_root, sqlite_url, policy=rules) as services:
        client = await serve(services=services)

        named = await client.ask("POST", f"{UPLOADS}?mount={digest}&from=private/app")
        anywhere = await client.ask("POST", f"{UPLOADS}?mount={digest}")

    assert (named.status, anywhere.status) == (202, 202)


async def test_two_requests_on_one_session_do_not_interleave(client: Client) -> None:
    path = (await start(client)).partition("?")[0]
    head = f"PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n".encode()
    async with client.connection() as first, client.connection() as second:
        await first.send(head)
        assert (await first.head())[0] == 100

        # The first one holds the session from here on.
        await second.send(head)
        refused = await second.answer()
        await first.send(CONTENT)
        taken = await first.answer()

    assert refused.refusal == (409, "BLOB_UPLOAD_INVALID")
    assert (taken.status, taken.headers["Range"]) == (202, "0-9")


async def test_what_came_before_a_client_went_away_is_kept_and_told(client: Client) -> None:
    path = (await start(client)).partition("?")[0]
    async with client.connection() as connection:
        await connection.send(f"PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234".encode())
        connection.end()
        answer = await connection.answer()
        assert await connection.rest() == b""

    assert answer.refusal == (400, "BLOB_UPLOAD_INVALID")
    status = await client.get(path)
    assert status.headers["Range"] == "0-4"
    rest = await patch(client, status.headers["Location"], CONTENT[5:], "5-9")
    assert (await client.ask("PUT", closing(rest.headers["Location"], Digest.of(CONTENT)))).status == 201


async def test_a_client_that_vanishes_keeps_nobody_out_of_its_session(client: Client) -> None:
    path = (await start(client)).partition("?")[0]
    async with client.connection() as connection:
        await connection.send(
            f"PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert (await connection.head())[0] == 100
    await client.until_idle()

    assert (await patch(client, path, CONTENT)).status == 202


async def test_a_body_that_stalls_is_given_up(serve: Serve) -> None:
    client = await serve(stall_s=0.1)
    path = (await start(client)).partition("?")[0]

    async with client.connection() as connection:
        await connection.send(f"PATCH {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234".encode())
        answer = await connection.answer()
        assert await connection.rest() == b""

    assert answer.refusal == (400, "BLOB_UPLOAD_INVALID")
    assert answer.headers["Connection"] == "close"
    assert (await client.get(path)).headers["Range"] == "0-4"


async def test_a_blob_beyond_the_limit_is_refused(serve: Serve, storage_root: Path, sqlite_url: str) -> None:
    async with open_services(storage_root, sqlite_url, blob_bytes=10) as services:
        client = await serve(services=services)
        location = await start(client)

        exact = await patch(client, location, CONTENT)
        beyond = await patch(client, exact.headers["Location"], b"x")
        single = await client.ask("POST", f"{UPLOADS}?digest={Digest.of(CONTENT + b'x')}", data=CONTENT + b"x")

    assert exact.status == 202
    assert beyond.refusal == single.refusal == (413, "SIZE_INVALID")


async def test_two_clients_may_push_the_same_blob_at_once(client: Client) -> None:
    content = b"y" * 3_000_000
    digest = Digest.of(content)

    answers = await asyncio.gather(
        *(
            client.ask("POST", f"/v2/team/app{number}/blobs/uploads/?digest={digest}", data=content)
            for number in range(4)
        )
    )

    assert [answer.status for answer in answers] == [201] * 4


async def test_locations_bear_the_path_that_a_proxy_takes_away(serve: Serve) -> None:
    client = await serve(tables={"server": Server(external_url=ExternalUrl.parse("https://example.com/registry"))})

    begun = await client.ask("POST", UPLOADS)
    done = await client.ask("POST", f"{UPLOADS}?digest={Digest.of(CONTENT)}", data=CONTENT)

    assert begun.headers["Location"].startswith("/registry/v2/team/app/blobs/uploads/")
    assert done.headers["Location"].startswith("/registry/v2/team/app/blobs/sha256:")
