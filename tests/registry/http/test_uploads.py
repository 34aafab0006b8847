from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.config.schema import Server
from registry.config.values import ExternalUrl
from tests.registry.http.serving import Client, Serve
from tests.registry.http.upload_requests import CONTENT, UPLOADS, chunked, closing, patch, start
from tests.registry.uploading import upload_files


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


async def test_of_two_digests_the_last_one_counts(client: Client) -> None:
    location = await start(client)

    answer = await client.ask("PUT", f"{location}&digest={Digest.of(b'')}&digest={Digest.of(CONTENT)}", data=CONTENT)

    assert answer.status == 201


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


async def test_locations_bear_the_path_that_a_proxy_takes_away(serve: Serve) -> None:
    client = await serve(tables={"server": Server(external_url=ExternalUrl.parse("https://example.com/registry"))})

    begun = await client.ask("POST", UPLOADS)
    done = await client.ask("POST", f"{UPLOADS}?digest={Digest.of(CONTENT)}", data=CONTENT)

    assert begun.headers["Location"].startswith("/registry/v2/team/app/blobs/uploads/")
    assert done.headers["Location"].startswith("/registry/v2/team/app/blobs/sha256:")
