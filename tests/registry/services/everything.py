"""A registry full of content of every sort, and all that clients can see of it."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_EMPTY
from oci_spec.reference import RepositoryName, Tag
from registry.errors import BlobUnknown
from registry.metadata.rows import ManifestReference, Referrer
from registry.metadata.transaction import Transaction
from registry.services import deletion, mounts, pull, push
from registry.services.context import Services
from tests.registry.assembly import access_to
from tests.registry.pushing import Document, Pusher
from tests.registry.uploading import push_blob, stored_bytes

NAMES = ("app", "team/app", "team/app/x")


@dataclass(frozen=True, slots=True)
class Contents:
    """All that clients can see of one repository."""

    tags: dict[str, str]
    manifests: dict[str, tuple[str, bytes]]
    references: dict[str, list[ManifestReference]]
    referrers: dict[str, list[Referrer]]
    blobs: dict[str, bytes]


async def fill(services: Services, seed: int) -> None:
    """Random content of every sort: shared blobs, nested indexes, referrers, sha512, things mounted and deleted."""
    chance = random.Random(seed)
    pool = [f"layer {number} of {seed}".encode() for number in range(8)]
    for name in NAMES:
        pusher = Pusher.to(services, name)
        images: list[Document] = []
        for number in range(chance.randint(2, 5)):
            layers = chance.sample(pool, chance.randint(1, 4))
            images.append(await pusher.image(f"v{number}", "latest", layers=layers, annotations={"n": f"{number}ü\0"}))
        inner = await pusher.index(manifests=chance.sample(images, 2))
        middle = await pusher.index("nested", manifests=[inner, images[0]])
        await pusher.index(manifests=[middle], annotations={"depth": "3"})
        await pusher.image(subject=chance.choice(images), artifactType="application/vnd.example.signature")
        await pusher.image(subject=middle, config=b"{}", config_type=OCI_EMPTY, layers=[])
        await pusher.image(subject={**middle, "digest": f"sha256:{'0' * 64}"}, layers=[])
        await push_sha512(services, name)
        await deletion.tag(services, access_to(name), Tag.parse("v0"))
        await deletion.manifest(services, access_to(name), Digest.parse(images[1]["digest"]))
        await push_blob(services, access_to(name), f"of {name} alone".encode())
    gone = Pusher.to(services, "gone")
    await gone.image("1", layers=[pool[0], b"only here"])
    await deletion.repository(services, gone.access)
    loose = await push_blob(services, access_to("app"), b"nobody's")
    await mounts.mount(services, access_to("mounted"), Digest.of(b"of app alone"), RepositoryName.parse("app"))
    await deletion.blob(services, access_to("app"), loose)


async def push_sha512(services: Services, name: str) -> None:
    """An image whose digest, config and layer are all of sha512."""
    config, layer = b'{"os": "linux"}', f"512 of {name}".encode()
    descriptors = []
    for content in (config, layer):
        digest = await push_blob(services, access_to(name), content, "sha512")
        descriptors.append({"mediaType": OCI_EMPTY, "digest": str(digest), "size": len(content)})
    document = {"schemaVersion": 2, "config": descriptors[0], "layers": descriptors[1:]}
    content = json.dumps(document).encode()
    await push.manifest(
        services,
        access_to(name),
        Digest.of(content, "sha512"),
        content,
        content_type="application/vnd.oci.image.manifest.v1+json",
        extra_tags=(Tag.parse("sha512"),),
    )


async def everything(services: Services, digests: set[Digest]) -> dict[str, Contents]:
    names = await services.database.read(lambda tx: [row.name for row in tx.repositories.list(100, None)])
    return {str(name): await contents(services, name, digests) for name in names}


async def contents(services: Services, name: RepositoryName, digests: set[Digest]) -> Contents:
    found = await services.database.read(_rows, name, digests)
    for digest in digests:
        try:
            blob = await pull.blob(services, access_to(str(name)), digest)
        except BlobUnknown:
            continue
        found.blobs[str(digest)] = await stored_bytes(services, blob.key)
    return found


def _rows(tx: Transaction, name: RepositoryName, digests: set[Digest]) -> Contents:
    found = Contents({}, {}, {}, {}, {})
    repository = tx.repositories.find(name)
    assert repository is not None
    for tag in tx.tags.page(repository.id, None, 1000):
        current = tx.tags.current(repository.id, Tag.parse(tag))
        assert current is not None
        found.tags[tag] = f"{current.digest} since {current.valid_from}"
    for digest in sorted(digests):
        row = tx.manifests.find(repository.id, digest)
        if row is not None:
            about = f"{row.media_type} {row.pushed_at} {row.pushed_by} {row.annotations}"
            found.manifests[str(digest)] = (about, tx.manifests.content(row.id))
            found.references[str(digest)] = tx.manifests.references(row.id)
        found.referrers[str(digest)] = tx.manifests.referrers(repository.id, digest, (), None, limit=1000)
    return found


async def known_digests(services: Services) -> set[Digest]:
    """The digest of every blob and manifest that the storage tells of, and one that it does not."""
    names = [name async for name in services.store.list_objects("")]
    digests = {Digest.parse(":".join(name.split("/")[-2:])) for name in names if "/_" in name and "/_tags/" not in name}
    keys = {services.store.digest_of(stored.key) async for stored in services.store.list_keys()}
    return digests | {digest for digest in keys if digest is not None} | {Digest.parse(f"sha256:{'0' * 64}")}
