"""Pulling an image: from a name at a registry to layers that can be mounted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from oci_spec.descriptor import Descriptor, Platform
from oci_spec.digest import Digest
from oci_spec.image_config import ImageConfig
from oci_spec.image_name import ImageName
from oci_spec.manifest import Manifest, ManifestKind, parse_manifest
from oci_spec.reference import Tag
from registry_client.client import RegistryClient
from registry_client.errors import RegistryClientError
from registry_client.manifests import FetchedManifest
from registry_client.repository import Repository
from runner.images import adding, host, manifests
from runner.images.bringing import Bringing, WantedLayer
from runner.images.errors import NoEndpoint
from runner.images.progress import Watcher
from runner.images.together import all_of
from runner.images.workers import working
from runner.registries.endpoints import Endpoint
from runner.store import blobs, index
from runner.store.folders import Store
from runner.store.index import Image
from runner.store.leases import leasing

Connect = Callable[[Endpoint], AbstractAsyncContextManager[RegistryClient]]
"""How to reach the registry of an endpoint (`runner.registries.connecting.connected`)."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull found: the digest that the name has at the registry, the image, and whether it was there before."""

    name: ImageName
    digest: Digest
    image: Image
    is_new: bool


@dataclass(frozen=True, slots=True)
class Pull:
    """What is pulled, and into which store. Without a `platform`, the image that fits this machine best.

    An image that is asked for by a platform must run on it; otherwise the only one that there is will do.
    """

    store: Store
    connect: Connect
    watcher: Watcher
    platform: Platform | None = None


async def pull(wanted: Pull, name: ImageName, endpoints: Sequence[Endpoint]) -> Pulled:
    """Bring the image `name` into the store, from the first of the endpoints that has it.

    Interrupted, it goes on where it stopped when it is called again. May run beside others of the same image.

    Raises:
        RegistryClientError: the one endpoint there is failed.
        NoEndpoint: each of several failed.
        ImageError, OciSpecError: what was found is no image for this platform, or damaged.
    """
    failures: list[RegistryClientError] = []
    for endpoint in endpoints:
        try:
            async with wanted.connect(endpoint) as client:
                return await _pull_from(wanted, name, client.repository(endpoint.repository))
        except RegistryClientError as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    raise NoEndpoint(name.familiar(), [f"{place}: {why}" for place, why in zip(endpoints, failures, strict=True)])


async def tags_of(wanted: Pull, endpoint: Endpoint) -> list[Tag]:
    """All tags of a repository.

    Raises:
        RegistryClientError: they cannot be had.
    """
    async with wanted.connect(endpoint) as client:
        return [tag async for tag in client.repository(endpoint.repository).tags()]


async def _pull_from(wanted: Pull, name: ImageName, repository: Repository) -> Pulled:
    store = wanted.store
    with leasing(store) as lease:
        top, manifest, digest, content = await _manifest(wanted, name, repository)
        config_at = manifests.config_descriptor(manifest, name.familiar())
        lease.add(blobs=[digest, config_at.digest, *(layer.digest for layer in manifest.layers)])
        before = _named(store, name)
        config = await _config(store, repository, manifest, config_at)
        if wanted.platform is not None:
            manifests.check_platform(config, wanted.platform, name.familiar())
        layers = manifests.wanted_layers(manifest.layers, config)
        lease.add(layers=[layer.chain_id for layer in layers])
        await _bring(wanted, repository, layers)
        blobs.keep_as(store, digest, content)
        image = adding.add(
            store,
            [name, name.with_digest(top)],
            image_id=config_at.digest,
            manifest=digest,
            config=config,
            brought=layers,
        )
    return Pulled(name, top, image, is_new=before is None or before.id != image.id)


async def _manifest(wanted: Pull, name: ImageName, repository: Repository) -> tuple[Digest, Manifest, Digest, bytes]:
    """The digest of what the name means, then the manifest of the image, its digest and its bytes."""
    fetched = await repository.manifest(name.reference)
    top, manifest = fetched.descriptor.digest, _parsed(fetched)
    if manifest.kind is ManifestKind.INDEX:
        chosen: Descriptor = manifests.child_for(manifest, wanted.platform or host.platform(), name.familiar())
        fetched = await repository.manifest(chosen.digest)
        manifest = _parsed(fetched)
    return top, manifest, fetched.descriptor.digest, fetched.content


def _parsed(fetched: FetchedManifest) -> Manifest:
    return parse_manifest(fetched.content, fetched.descriptor.media_type)


async def _config(store: Store, repository: Repository, manifest: Manifest, at: Descriptor) -> ImageConfig:
    if blobs.has(store, at.digest):
        return manifests.parse_config(blobs.read(store, at.digest), manifest)
    content = b"".join([block async for block in repository.blob(at.digest, at.size)])
    config = manifests.parse_config(content, manifest)
    blobs.keep_as(store, at.digest, content)
    return config


async def _bring(wanted: Pull, repository: Repository, layers: Sequence[WantedLayer]) -> None:
    async with working() as workers:
        bringing = Bringing(wanted.store, _RepositorySource(repository), workers, wanted.watcher)
        await all_of([bringing.bring(layer) for layer in layers])


class _RepositorySource:
    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def blocks(self, layer: WantedLayer, start: int) -> AsyncGenerator[bytes]:
        return self._repository.rest_of_blob(layer.digest, start, layer.size)


def _named(store: Store, name: ImageName) -> Image | None:
    return index.read(store).named(name)
