"""Manifests on their way in: checked against what the repository holds, stored as they came, tagged at once."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.errors import ManifestInvalid, ManifestSchemaOneRefused
from oci_spec.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from oci_spec.reference import Reference, Tag
from registry import limits
from registry.errors import (
    DigestMismatch,
    ManifestBlobUnknown,
    ManifestTooLarge,
    ManifestUnknown,
)
from registry.metadata.rows import ManifestReference, OutboxEvent, ReferenceRole
from registry.metadata.transaction import Transaction
from registry.services import deletion, pull, push
from registry.services.context import Services
from registry.services.push import PushedManifest
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.pushing import Document, Pusher

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")


def absent(content: bytes, media_type: str = OCI_LAYER_GZIP, **fields: Any) -> Document:
    """The descriptor of a blob that nobody has pushed."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **fields}


def written(document: Document) -> bytes:
    return json.dumps({"schemaVersion": 2, **document}).encode()


async def put(
    services: Services,
    content: bytes,
    reference: str = "latest",
    *,
    content_type: str | None = None,
    extra_tags: tuple[str, ...] = (),
) -> PushedManifest:
    target: Reference = Digest.parse(reference) if ":" in reference else Tag.parse(reference)
    tags = tuple(map(Tag.parse, extra_tags))
    return await push.manifest(services, ACCESS, target, content, content_type=content_type, extra_tags=tags)


async def image(services: Services, **fields: Any) -> Document:
    """An image whose config and layer are there."""
    pusher = Pusher.to(services, "team/app")
    return {
        "mediaType": OCI_MANIFEST,
        "config": await pusher.blob(b"{}", OCI_CONFIG),
        "layers": [await pusher.blob(b"layer", OCI_LAYER_GZIP)],
        **fields,
    }


async def pulled(services: Services, reference: str) -> bytes:
    target: Reference = Digest.parse(reference) if ":" in reference else Tag.parse(reference)
    return (await pull.manifest(services, ACCESS, target)).content


async def events(services: Services) -> list[OutboxEvent]:
    return await services.database.read(lambda tx: tx.outbox.pending(1000))


async def references(services: Services, digest: Digest) -> list[ManifestReference]:
    def find(tx: Transaction) -> list[ManifestReference]:
        repository = tx.repositories.find(ACCESS.repository)
        assert repository is not None
        row = tx.manifests.find(repository.id, digest)
        assert row is not None
        return tx.manifests.references(row.id)

    return await services.database.read(find)


async def assert_nothing_was_stored(services: Services, before: list[OutboxEvent], content: bytes) -> None:
    assert await events(services) == before
    for reference in ("latest", str(Digest.of(content))):
        with pytest.raises(ManifestUnknown):
            await pulled(services, reference)


async def test_the_exact_bytes_come_back(services: Services) -> None:
    document = await image(services, unknown={"é": [1.0, None]}, annotations={"a": "b"})
    content = json.dumps({"schemaVersion": 2, **document}, indent=3).encode() + b"\n\n"

    pushed = await put(services, content)

    assert pushed == PushedManifest(Digest.of(content), None, (Tag.parse("latest"),))
    assert await pulled(services, "latest") == content
    assert await pulled(services, str(Digest.of(content))) == content


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_a_push_by_digest_points_all_tags_at_that_digest(services: Services, algorithm: str) -> None:
    content = written(await image(services))
    digest = Digest.of(content, algorithm)

    pushed = await put(services, content, str(digest), extra_tags=("b", "a", "b"))

    assert pushed.tags == (Tag.parse("b"), Tag.parse("a"))
    for tag in ("a", "b"):
        assert (await pull.manifest(services, ACCESS, Tag.parse(tag))).digest == digest


async def test_a_push_by_the_wrong_digest_stores_nothing(services: Services) -> None:
    content = written(await image(services))
    before = await events(services)

    for other in (Digest.of(b"other"), Digest.of(b"other", "sha512")):
        with pytest.raises(DigestMismatch) as refused:
            await put(services, content, str(other), extra_tags=("latest",))
        assert refused.value.actual == Digest.of(content, other.algorithm)

    await assert_nothing_was_stored(services, before, content)


async def test_everything_that_is_missing_is_named_once(services: Services) -> None:
    document = await image(services)
    config, first, second = absent(b"config", OCI_CONFIG), absent(b"first"), absent(b"second")
    content = written({**document, "config": config, "layers": [first, *document["layers"], second, first]})
    before = await events(services)

    with pytest.raises(ManifestBlobUnknown) as refused:
        await put(services, content)

    assert [str(digest) for digest in refused.value.missing] == [config["digest"], first["digest"], second["digest"]]
    await assert_nothing_was_stored(services, before, content)


async def test_a_refused_manifest_makes_no_repository(services: Services) -> None:
    content = written({"mediaType": OCI_INDEX, "manifests": [absent(b"child", OCI_MANIFEST)]})

    with pytest.raises(ManifestBlobUnknown):
        await put(services, content)

    assert await services.database.read(lambda tx: tx.repositories.find(ACCESS.repository)) is None


async def test_what_another_repository_holds_is_missing_here(services: Services) -> None:
    document = await image(services)
    elsewhere = access_to("team/other")

    with pytest.raises(ManifestBlobUnknown):
        await push.manifest(services, elsewhere, Tag.parse("latest"), written(document), content_type=None)


async def test_sparse_manifests_are_taken_where_allowed_and_what_they_lack_is_remembered(
    open_worker: OpenWorker,
) -> None:
    services = await open_worker(sparse_manifests=True)
    document = await image(services)
    content = written({**document, "layers": [*document["layers"], absent(b"lacking")]})

    await put(services, content)

    assert [(found.role, found.present) for found in await references(services, Digest.of(content))] == [
        (ReferenceRole.CONFIG, True),
        (ReferenceRole.LAYER, True),
        (ReferenceRole.LAYER, False),
    ]


async def test_pushing_a_sparse_manifest_again_notes_what_came_meanwhile(open_worker: OpenWorker) -> None:
    services = await open_worker(sparse_manifests=True)
    document = await image(services)
    content = written({**document, "layers": [absent(b"lacking")]})
    await put(services, content)
    await Pusher.to(services, "team/app").blob(b"lacking", OCI_LAYER_GZIP)

    await put(services, content)

    assert all(found.present for found in await references(services, Digest.of(content)))


@pytest.mark.parametrize(
    "layer",
    [
        absent(b"far away", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        absent(b"far away", "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"),
        absent(b"far away", urls=["https://publisher.example/layer"]),
    ],
    ids=["foreign", "nondistributable", "with urls"],
)
async def test_a_layer_that_its_publisher_keeps_need_not_be_here(services: Services, layer: Document) -> None:
    document = await image(services)
    content = written({**document, "layers": [layer]})

    await put(services, content)

    assert [found.present for found in await references(services, Digest.of(content))] == [True, False]


async def test_a_config_has_to_be_here_wherever_else_it_may_be(services: Services) -> None:
    document = await image(services)
    config = absent(b"config", OCI_CONFIG, urls=["https://publisher.example/config"])

    with pytest.raises(ManifestBlobUnknown):
        await put(services, written({**document, "config": config}))


async def test_an_absent_subject_is_accepted_and_told(services: Services) -> None:
    subject = absent(b"not there yet", OCI_MANIFEST)

    pushed = await put(services, written(await image(services, subject=subject)))

    assert str(pushed.subject) == subject["digest"]


async def test_an_index_needs_its_children_as_manifests(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    child = written(await image(services))
    descriptor = await pusher.blob(child, OCI_MANIFEST)
    content = written({"mediaType": OCI_INDEX, "manifests": [descriptor]})

    # As a blob it could not be pulled by whoever follows the index.
    with pytest.raises(ManifestBlobUnknown):
        await put(services, content)
    await put(services, child, str(Digest.of(child)))
    await put(services, content)

    assert [found.present for found in await references(services, Digest.of(content))] == [True]


async def test_a_build_cache_lists_blobs_where_others_list_manifests(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    content = written(
        {
            "mediaType": OCI_INDEX,
            "manifests": [
                await pusher.blob(b"cached layer", OCI_LAYER_GZIP),
                await pusher.blob(b"cache config", "application/vnd.buildkit.cacheconfig.v0"),
            ],
        }
    )

    await put(services, content)
    with pytest.raises(ManifestBlobUnknown):
        await put(services, written({"mediaType": OCI_INDEX, "manifests": [absent(b"not cached")]}))

    assert [found.present for found in await references(services, Digest.of(content))] == [True, True]


async def test_an_index_may_be_empty_or_hold_indexes(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")

    empty = await pusher.index("empty", manifests=[])
    outer = await pusher.index("outer", manifests=[empty, await pusher.image()])

    assert Digest.of(await pulled(services, "outer")) == Digest.parse(outer["digest"])


async def test_pushing_the_same_again_sends_no_event(services: Services) -> None:
    content = written(await image(services))
    first = await put(services, content, extra_tags=())
    before = await events(services)

    assert await put(services, content) == first

    assert await events(services) == before


async def test_a_new_type_for_the_same_bytes_counts_and_is_told(services: Services) -> None:
    document = await image(services)
    document.pop("mediaType")
    content = written(document)
    await put(services, content, content_type=OCI_MANIFEST)
    before = await events(services)

    await put(services, content, content_type=DOCKER_MANIFEST)

    assert (await pull.manifest(services, ACCESS, Tag.parse("latest"))).media_type == DOCKER_MANIFEST
    assert [event.kind for event in (await events(services))[len(before) :]] == ["manifest.pushed"]


async def test_a_pushed_manifest_and_its_tags_are_told_in_order(services: Services) -> None:
    content = written(await image(services))
    before = len(await events(services))

    pushed = await put(services, content, str(Digest.of(content)), extra_tags=("1", "2"))

    told = (await events(services))[before:]
    assert [(event.kind, event.payload.get("tag")) for event in told] == [
        ("manifest.pushed", None),
        ("tag.moved", "1"),
        ("tag.moved", "2"),
    ]
    assert {event.payload["digest"] for event in told} == {str(pushed.digest)}
    assert {event.payload["repository"] for event in told} == {"team/app"}


async def test_pushing_again_what_was_deleted_is_a_push(services: Services) -> None:
    content = written(await image(services))
    await put(services, content)
    await deletion.manifest(services, ACCESS, Digest.of(content))

    await put(services, content)

    assert await pulled(services, "latest") == content


async def test_docker_images_keep_their_types(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    content = written(
        {
            "mediaType": DOCKER_MANIFEST,
            "config": await pusher.blob(b"{}", DOCKER_CONFIG),
            "layers": [await pusher.blob(b"layer", DOCKER_LAYER_GZIP)],
        }
    )

    await put(services, content, content_type=f"{DOCKER_MANIFEST}; charset=utf-8")

    assert (await pull.manifest(services, ACCESS, Tag.parse("latest"))).media_type == DOCKER_MANIFEST


async def test_a_manifest_as_large_as_allowed_passes_and_no_larger_one(open_worker: OpenWorker) -> None:
    services = await open_worker(manifest_bytes=5000)
    content = written(await image(services))

    await put(services, content + b" " * (5000 - len(content)))
    with pytest.raises(ManifestTooLarge):
        await put(services, content + b" " * (5001 - len(content)))


async def test_a_manifest_may_not_name_more_than_the_limit(services: Services) -> None:
    layer = absent(b"far away", urls=["https://publisher.example/layer"])
    document = await image(services)

    await put(services, written({**document, "layers": [layer] * limits.MANIFEST_REFERENCES}))
    with pytest.raises(ManifestInvalid):
        await put(services, written({**document, "layers": [layer] * (limits.MANIFEST_REFERENCES + 1)}))


async def test_others_are_served_while_a_large_manifest_is_read(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = written({"mediaType": OCI_INDEX, "manifests": [absent(b"child", OCI_MANIFEST)] * 20_000})
    loop, begun, others_were_served = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    read = push._read

    def held(*arguments: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        assert others_were_served.wait(60)
        return read(*arguments)

    monkeypatch.setattr(push, "_read", held)
    refused = asyncio.create_task(put(services, content))
    await begun.wait()
    others_were_served.set()

    with pytest.raises(ManifestInvalid):
        await refused


@pytest.mark.parametrize(
    ("content", "content_type", "error"),
    [
        (b"", None, ManifestInvalid),
        (b"not json", OCI_MANIFEST, ManifestInvalid),
        (b"[]", OCI_MANIFEST, ManifestInvalid),
        (b'{"schemaVersion":2,"config":{},"config":{}}', OCI_MANIFEST, ManifestInvalid),
        (b'{"schemaVersion":1}', None, ManifestSchemaOneRefused),
        (b'{"schemaVersion":2,"manifests":[]}', "text/plain", ManifestInvalid),
    ],
)
async def test_what_is_no_manifest_is_refused(
    services: Services, content: bytes, content_type: str | None, error: type[ManifestInvalid]
) -> None:
    with pytest.raises(error):
        await put(services, content, content_type=content_type)

    await assert_nothing_was_stored(services, [], content)
