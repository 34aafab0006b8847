"""Protected tags in the web API, and what a push over one is told."""

from __future__ import annotations

import json

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX
from registry.services.context import Services
from tests.registry.http.serving import Client
from tests.registry.pushing import Pusher

REPOSITORY = "/api/v1/repositories/team/app"
PROTECTIONS = f"{REPOSITORY}/protections"


@pytest.mark.parametrize("written", ["v*", "v%2A", "%76*"])
async def test_tags_are_protected_listed_and_unprotected(client: Client, http_services: Services, written: str) -> None:
    await Pusher.to(http_services, "team/app").index("v1", manifests=[])

    assert (await client.ask("PUT", f"{PROTECTIONS}/{written}")).status == 204
    [protection] = (await client.get(PROTECTIONS)).document["protections"]
    refused = await client.ask("DELETE", f"{REPOSITORY}/tags/v1")
    assert (await client.ask("DELETE", f"{PROTECTIONS}/{written}")).status == 204
    again = await client.ask("DELETE", f"{PROTECTIONS}/{written}")

    assert (protection["pattern"], protection["created_by"]) == ("v*", "anonymous")
    assert (refused.status, refused.document["code"]) == (403, "DENIED")
    assert (again.status, again.document["code"]) == (404, "NAME_UNKNOWN")
    assert (await client.get(PROTECTIONS)).document == {"repository": "team/app", "protections": []}
    assert (await client.ask("DELETE", f"{REPOSITORY}/tags/v1")).status == 204


async def test_a_pattern_that_no_tag_fits_is_refused(client: Client, http_services: Services) -> None:
    await Pusher.to(http_services, "team/app").index("v1", manifests=[])

    answer = await client.ask("PUT", f"{PROTECTIONS}/a%2Fb*")

    assert (answer.status, answer.document["code"]) == (400, "NAME_INVALID")


async def test_a_push_over_a_protected_tag_is_denied_and_can_be_pulled_by_digest(
    client: Client, http_services: Services
) -> None:
    await Pusher.to(http_services, "team/app").index("v1", manifests=[])
    await client.ask("PUT", f"{PROTECTIONS}/v*")
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"a": "b"}})
    digest = Digest.of(content.encode())

    answer = await client.ask("PUT", "/v2/team/app/manifests/v1", data=content, headers={"Content-Type": OCI_INDEX})

    assert answer.refusal == (403, "DENIED")
    [error] = answer.document["errors"]
    assert error["detail"] == {"name": "team/app", "tags": ["v1"]}
    assert str(digest) in error["message"]
    assert (await client.get(f"/v2/team/app/manifests/{digest}")).body == content.encode()


async def test_a_repository_with_protected_tags_is_removed_when_that_is_said(
    client: Client, http_services: Services
) -> None:
    await Pusher.to(http_services, "team/app").index("v1", manifests=[])
    await client.ask("PUT", f"{PROTECTIONS}/v1")

    for query in ("", "?protected=keep"):
        refused = await client.ask("DELETE", REPOSITORY + query)
        assert (refused.status, refused.document["code"]) == (403, "DENIED")
    malformed = await client.ask("DELETE", f"{REPOSITORY}?protected=yes")
    removed = await client.ask("DELETE", f"{REPOSITORY}?protected=remove")

    assert (malformed.status, removed.status) == (400, 204)
