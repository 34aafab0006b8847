from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX, OCI_MANIFEST
from tests.registry.assembly import open_services
from tests.registry.http.serving import Client, Serve

SUBJECT = Digest.of(b"a subject that may come later")
PATH = f"/v2/team/app/referrers/{SUBJECT}"


@pytest.fixture
async def referred(client: Client) -> Client:
    """A client of a registry with three artifacts that refer to one absent subject."""
    subject = {"mediaType": OCI_MANIFEST, "digest": str(SUBJECT), "size": 7}
    for kind in ("application/sbom", "application/signature", "application/other"):
        await client.push_artifact("team/app", artifactType=kind, subject=subject, annotations={"kind": kind})
    return client


async def test_referrers_are_an_image_index_of_exactly_that_type(referred: Client) -> None:
    answer = await referred.get(PATH)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert answer.document["mediaType"] == OCI_INDEX
    assert answer.document["schemaVersion"] == 2
    described = {entry["artifactType"]: entry for entry in answer.document["manifests"]}
    assert described.keys() == {"application/sbom", "application/signature", "application/other"}
    assert described["application/sbom"]["annotations"] == {"kind": "application/sbom"}
    assert "OCI-Filters-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("query", "count"),
    [("?artifactType=application/sbom", 1), ("?artifactType=application%2Fsbom&artifactType=application/other", 2),
     ("?artifactType=application/absent", 0)],
)  # fmt: skip
async def test_a_filter_is_applied_and_said_to_be(referred: Client, query: str, count: int) -> None:
    answer = await referred.get(f"{PATH}{query}")

    assert len(answer.document["manifests"]) == count
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"


async def test_pages_link_on_and_keep_the_filter(
    serve: Serve, referred: Client, storage_root: Path, sqlite_url: str
) -> None:
    query = "?artifactType=application/sbom&artifactType=application/other"
    async with open_services(storage_root, sqlite_url, page_entries=1) as services:
        client = await serve(services=services)

        first = await client.get(f"{PATH}{query}")
        target = first.headers["Link"].removeprefix("<").partition(">")[0]
        second = await client.get(target)

    assert target.startswith(f"{PATH}?artifactType=application%2Fsbom&artifactType=application%2Fother&last=sha256")
    assert first.headers["Link"].endswith('; rel="next"')
    kinds = [page.document["manifests"][0]["artifactType"] for page in (first, second)]
    assert sorted(kinds) == ["application/other", "application/sbom"]
    assert "Link" not in second.headers


@pytest.mark.parametrize("repository", ["team/app", "never/pushed"])
@pytest.mark.parametrize("digest", [str(Digest.of(b"unknown")), str(Digest.of(b"unknown", "sha512"))])
async def test_nothing_refers_to_what_is_unknown(referred: Client, repository: str, digest: str) -> None:
    answer = await referred.get(f"/v2/{repository}/referrers/{digest}")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert answer.document["manifests"] == []


@pytest.mark.parametrize("digest", ["sha256:short", "tag", "md5:0"])
async def test_a_digest_that_is_none_is_refused(client: Client, digest: str) -> None:
    assert (await client.get(f"/v2/team/app/referrers/{digest}")).refusal == (400, "DIGEST_INVALID")


async def test_a_place_to_go_on_from_that_is_none_is_refused(client: Client) -> None:
    assert (await client.get(f"{PATH}?last=x")).refusal == (400, "DIGEST_INVALID")
