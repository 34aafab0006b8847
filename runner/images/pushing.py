"""Pushing an image: what came of a pull, a load or an import goes to a registry, byte for byte."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from oci_spec.digest import Digest
from oci_spec.image_name import ImageName
from oci_spec.manifest import Manifest, parse_manifest
from oci_spec.reference import RepositoryName
from registry_client.repository import Repository
from registry_client.sources import BytesSource, FileSource
from registry_client.uploads import Outcome
from runner.images.progress import Stage, Watcher
from runner.images.pulling import Connect
from runner.images.together import all_of
from runner.limits import DOWNLOADS
from runner.registries.endpoints import Endpoint
from runner.store import blobs, index
from runner.store.errors import ImageUnknown
from runner.store.folders import Store
from runner.store.index import Image
from runner.store.leases import leasing

_STAGES = {Outcome.PRESENT: Stage.PRESENT, Outcome.MOUNTED: Stage.MOUNTED, Outcome.UPLOADED: Stage.PUSHED}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the registry has now: the manifest's digest and its size in bytes."""

    digest: Digest
    size: int


async def push(store: Store, name: ImageName, endpoint: Endpoint, *, connect: Connect, watcher: Watcher) -> Pushed:
    """Send the image that is called `name` to the endpoint, under the name's tag.

    Layers that the registry has are not sent; those that it has in another repository that the image came from are
    mounted.

    Raises:
        ImageUnknown: nothing is called so.
        RegistryClientError: the registry will not have it.
        BlobMissing, BlobDamaged: the store has lost a part.
    """
    image = index.read(store).named(name)
    if image is None or name.tag is None:
        raise ImageUnknown(name.familiar())
    with leasing(store) as lease:
        lease.add(blobs=[image.manifest, image.id])
        content = blobs.read(store, image.manifest)
        manifest = parse_manifest(content, None)
        lease.add(blobs=[layer.digest for layer in manifest.layers])
        async with connect(endpoint) as client:
            repository = client.repository(endpoint.repository)
            await _push_layers(store, repository, manifest, mount_from=_elsewhere(image, name), watcher=watcher)
            await repository.push_blob(image.id, BytesSource(blobs.read(store, image.id)))
            digest = await repository.push_manifest(name.tag, content, manifest.media_type)
    with index.changing(store) as images:
        if images.get(image.id) is not None:
            images.add_digest(image.id, name.with_digest(digest))
    return Pushed(digest, len(content))


async def _push_layers(
    store: Store, repository: Repository, manifest: Manifest, *, mount_from: RepositoryName | None, watcher: Watcher
) -> None:
    slots = asyncio.Semaphore(DOWNLOADS)

    async def push_layer(digest: Digest) -> None:
        blobs.size(store, digest)
        watcher.stage(digest, Stage.PREPARING)
        async with slots:
            watcher.stage(digest, Stage.PUSHING)
            source = FileSource(Path(store.blob(digest)))
            outcome = await repository.push_blob(digest, source, mount_from=mount_from, progress=watcher)
        watcher.stage(digest, _STAGES[outcome], str(mount_from) if outcome is Outcome.MOUNTED else "")

    # The same layer may stand in an image twice.
    await all_of(push_layer(digest) for digest in dict.fromkeys(layer.digest for layer in manifest.layers))


def _elsewhere(image: Image, name: ImageName) -> RepositoryName | None:
    """Another repository of the same registry that has the image, as far as is known here."""
    others = (each.repository for each in image.digests if each.domain == name.domain)
    return next((repository for repository in others if repository != name.repository), None)
