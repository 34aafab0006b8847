from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.auth.permission import Permission
from registry.services.context import Services
from tests.registry.assembly import Rules, open_services
from tests.registry.http.serving import Client, Serve
from tests.registry.http.upload_requests import CONTENT, UPLOADS, closing, start


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
