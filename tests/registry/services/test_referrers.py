"""Referrers: listed by subject, filtered, and a page at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import DOCKER_MANIFEST, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from oci_spec.reference import fallback_tag
from registry import limits
from registry.services import deletion, referrers, tags
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.pushing import Document, Pusher

ACCESS = access_to("team/app")
SUBJECT_CONTENT = b"whatever it is, it need not be here"
SUBJECT = Digest.of(SUBJECT_CONTENT)
DESCRIPTOR: Document = {"mediaType": OCI_MANIFEST, "digest": str(SUBJECT), "size": len(SUBJECT_CONTENT)}
SIGNATURE, BOM = "application/vnd.example.signature", "application/vnd.example.bom"


async def artifact(services: Services, number: int, **fields: Any) -> Document:
    """An artifact unlike those of other numbers; it refers to the subject unless `fields` say otherwise."""
    pusher = Pusher.to(services, "team/app")
    return await pusher.image(
        config=b"{}",
        config_type=OCI_EMPTY,
        layers=[],
        **{"subject": DESCRIPTOR, "annotations": {"number": str(number)}, **fields},
    )


async def listed(services: Services, subject: Digest = SUBJECT, **choices: Any) -> list[Document]:
    """All referrers, gathered page by page, after a look at each page's form."""
    found: list[Document] = []
    after = None
    while True:
        page = await referrers.page(services, ACCESS, subject, after=after, **choices)
        index = json.loads(page.content)
        assert len(page.content) <= limits.REFERRERS_BYTES or len(index["manifests"]) == 1
        assert (index.pop("schemaVersion"), index.pop("mediaType")) == (2, OCI_INDEX)
        found += index.pop("manifests")
        assert index == {}
        after = page.after
        if after is None:
            assert sorted(found, key=lambda descriptor: descriptor["digest"]) == found
            return found
        assert found[-1]["digest"] == str(after)


def digests(descriptors: list[Document]) -> list[str]:
    return sorted(descriptor["digest"] for descriptor in descriptors)


@ON_SQLITE
async def test_a_repository_that_is_not_there_has_no_referrers(services: Services) -> None:
    assert await listed(services) == []


async def test_a_referrer_is_told_as_its_manifest_describes_itself(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    plain = await pusher.image(subject=DESCRIPTOR)
    typed = await artifact(services, 1, artifactType=SIGNATURE, annotations={"ключ": "значение", "nul": "\0"})
    index = await pusher.index(manifests=[], subject=DESCRIPTOR, artifactType=BOM)
    bare_index = await pusher.index(manifests=[plain], subject=DESCRIPTOR, annotations={})
    await pusher.image(layers=[b"refers to nothing"])

    found = {descriptor["digest"]: descriptor for descriptor in await listed(services)}

    assert found == {
        plain["digest"]: {**plain, "artifactType": OCI_CONFIG},
        typed["digest"]: {**typed, "artifactType": SIGNATURE, "annotations": {"ключ": "значение", "nul": "\0"}},
        index["digest"]: {**index, "artifactType": BOM},
        bare_index["digest"]: bare_index,
    }


@ON_SQLITE
async def test_referrers_are_those_of_this_repository_and_this_digest(services: Services) -> None:
    mine = await artifact(services, 1)
    other = {**DESCRIPTOR, "digest": str(Digest.of(b"other"))}
    await artifact(services, 2, subject=other)
    await artifact(services, 3, subject={**DESCRIPTOR, "digest": str(Digest.of(SUBJECT_CONTENT, "sha512"))})
    await Pusher.to(services, "team/other").image(subject=DESCRIPTOR)

    assert digests(await listed(services)) == [mine["digest"]]


@ON_SQLITE
async def test_a_subject_may_be_named_by_sha512(services: Services) -> None:
    subject = Digest.of(SUBJECT_CONTENT, "sha512")
    mine = await artifact(services, 1, subject={**DESCRIPTOR, "digest": str(subject)})

    assert digests(await listed(services, subject)) == [mine["digest"]]


async def test_a_filter_takes_each_of_its_types(services: Services) -> None:
    signature = await artifact(services, 1, artifactType=SIGNATURE)
    bom = await artifact(services, 2, artifactType=BOM)
    by_config = await artifact(services, 3)

    for types, expected in [
        ((SIGNATURE,), [signature]),
        ((SIGNATURE, BOM), [signature, bom]),
        ((OCI_EMPTY,), [by_config]),
        (("application/vnd.example.none",), []),
        ((), [signature, bom, by_config]),
    ]:
        assert digests(await listed(services, artifact_types=types)) == digests(expected)


async def test_pages_hold_as_many_as_are_configured(open_worker: OpenWorker) -> None:
    services = await open_worker(page_entries=3)
    pushed = [await artifact(services, number) for number in range(7)]

    assert digests(await listed(services)) == digests(pushed)
    first = await referrers.page(services, ACCESS, SUBJECT)
    assert len(json.loads(first.content)["manifests"]) == 3


@ON_SQLITE
async def test_a_page_that_is_just_full_is_the_last(open_worker: OpenWorker) -> None:
    services = await open_worker(page_entries=2)
    for number in range(2):
        await artifact(services, number)

    assert (await referrers.page(services, ACCESS, SUBJECT)).after is None


@ON_SQLITE
async def test_many_referrers_are_all_listed_once(services: Services) -> None:
    pushed = [await artifact(services, number) for number in range(60)]

    assert digests(await listed(services)) == digests(pushed)


@ON_SQLITE
async def test_pages_hold_no_more_bytes_than_clients_read(services: Services) -> None:
    """Not even when most of them are annotations in other scripts, which escapes would make longer."""
    text = "я" * 450_000
    pushed = [await artifact(services, number, annotations={"n": str(number), "a": text}) for number in range(6)]

    pages = 0
    after = None
    while pages == 0 or after is not None:
        page = await referrers.page(services, ACCESS, SUBJECT, after=after)
        assert len(page.content) <= limits.REFERRERS_BYTES
        pages, after = pages + 1, page.after

    assert pages == 2
    assert digests(await listed(services)) == digests(pushed)


async def fallback_index(services: Services, *manifests: Document) -> None:
    """Record referrers as clients do that do not know the API ("Referrers Tag Schema")."""
    await Pusher.to(services, "team/app").index(str(fallback_tag(SUBJECT)), manifests=manifests)


async def test_what_the_fallback_tag_lists_is_listed_too_and_once(services: Services) -> None:
    tagged = [await artifact(services, number, subject=None) for number in range(3)]
    own = await artifact(services, 3)
    await fallback_index(services, *tagged, tagged[0], own)

    assert digests(await listed(services)) == digests([*tagged, own])


@ON_SQLITE
async def test_the_fallback_tag_lists_only_what_the_repository_still_holds_and_refers_to_nothing_else(
    services: Services,
) -> None:
    kept = await artifact(services, 1, subject=None)
    elsewhere = await artifact(services, 2, subject={**DESCRIPTOR, "digest": str(Digest.of(b"other"))})
    gone = await artifact(services, 3, subject=None)
    await fallback_index(services, kept, elsewhere, gone)
    await deletion.manifest(services, ACCESS, Digest.parse(gone["digest"]))

    assert digests(await listed(services)) == [kept["digest"]]


@ON_SQLITE
async def test_what_the_fallback_tag_lists_is_filtered_and_comes_in_pages_too(open_worker: OpenWorker) -> None:
    services = await open_worker(page_entries=2)
    tagged = [await artifact(services, number, subject=None, artifactType=SIGNATURE) for number in range(4)]
    own = [await artifact(services, number, artifactType=SIGNATURE) for number in range(4, 7)]
    other = await artifact(services, 7, subject=None, artifactType=BOM)
    await fallback_index(services, *tagged, other)

    assert digests(await listed(services, artifact_types=(SIGNATURE,))) == digests([*tagged, *own])
    assert digests(await listed(services)) == digests([*tagged, *own, other])


@ON_SQLITE
@pytest.mark.parametrize("named", ["an image", "a Docker image"])
async def test_a_fallback_tag_that_names_no_index_lists_nothing(services: Services, named: str) -> None:
    pusher = Pusher.to(services, "team/app")
    image = await pusher.image(mediaType=OCI_MANIFEST if named == "an image" else DOCKER_MANIFEST)

    await tags.point(services, ACCESS, fallback_tag(SUBJECT), Digest.parse(image["digest"]))

    assert await listed(services) == []
