"""Images with chosen layers, in both families, and registries to pull them from."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from oci_spec.digest import Digest
from oci_spec.image_name import ImageName
from oci_spec.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_ZSTD,
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
)
from oci_spec.reference import Tag
from registry_client.client import RegistryClient
from registry_client.origin import Origin
from registry_client.repository import Repository
from registry_client.settings import Settings
from registry_client.sources import BytesSource
from runner.registries.endpoints import Endpoint

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

QUICK = Settings(backoff_s=0.01, backoff_max_s=0.02)

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "zstd": zstd.compress,
}
OCI = {"none": OCI_LAYER, "gzip": OCI_LAYER_GZIP, "zstd": OCI_LAYER_ZSTD}
DOCKER = {"none": DOCKER_LAYER, "gzip": DOCKER_LAYER_GZIP, "zstd": DOCKER_LAYER_ZSTD}


@dataclass(frozen=True, slots=True)
class Made:
    """An image: its manifest, and the blobs that this names."""

    media_type: str
    manifest: bytes
    config: bytes
    layers: tuple[bytes, ...]

    @property
    def digest(self) -> Digest:
        return Digest.of(self.manifest)

    @property
    def id(self) -> Digest:
        return Digest.of(self.config)

    async def push(self, repository: Repository, tag: str) -> None:
        """Push it as it is."""
        for blob in (self.config, *self.layers):
            await repository.push_blob(Digest.of(blob), BytesSource(blob))
        await repository.push_manifest(Tag.parse(tag), self.manifest, self.media_type)


def make(
    *archives: bytes,
    compressions: tuple[str, ...] = ("gzip",),
    family: str = "oci",
    platform: str = "linux/amd64",
    **changes: Any,
) -> Made:
    """An image whose layers are these tar archives, compressed in turn as told; `changes` go to its config."""
    types = OCI if family == "oci" else DOCKER
    chosen = [compressions[place % len(compressions)] for place in range(len(archives))]
    layers = tuple(COMPRESSIONS[name](archive) for name, archive in zip(chosen, archives, strict=True))
    system, architecture, *variant = platform.split("/")
    document = {
        "created": "2026-01-02T03:04:05Z",
        "os": system,
        "architecture": architecture,
        **({"variant": variant[0]} if variant else {}),
        "config": {"Cmd": ["/bin/true"], "Labels": {"purpose": "test"}},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(archive)) for archive in archives]},
        "history": [{"created": "2026-01-02T03:04:05Z", "created_by": f"step {at}"} for at in range(len(archives))],
    }
    config = json.dumps({**document, **changes}).encode()
    media_type = OCI_MANIFEST if family == "oci" else DOCKER_MANIFEST
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(OCI_CONFIG if family == "oci" else DOCKER_CONFIG, config),
        "layers": [descriptor(types[name], layer) for name, layer in zip(chosen, layers, strict=True)],
    }
    return Made(media_type, json.dumps(manifest).encode(), config, layers)


async def push_index(repository: Repository, tag: str, images: dict[str, Made]) -> Digest:
    """Push images by platform, and an index of them; its digest."""
    children = []
    for platform, image in images.items():
        await image.push(repository, f"{tag}-{platform.replace('/', '-')}")
        system, architecture, *variant = platform.split("/")
        told = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        children.append({**descriptor(image.media_type, image.manifest), "platform": told})
    is_docker = any(image.media_type == DOCKER_MANIFEST for image in images.values())
    media_type = DOCKER_MANIFEST_LIST if is_docker else OCI_INDEX
    content = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": children}).encode()
    return await repository.push_manifest(Tag.parse(tag), content, media_type)


def descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def endpoint_of(name: ImageName) -> Endpoint:
    """The registry on the loopback interface that the name names."""
    return Endpoint(name.domain, name.repository, insecure=True)


@asynccontextmanager
async def connect(endpoint: Endpoint) -> AsyncIterator[RegistryClient]:
    """A client that knows nothing of this machine's certificates and logins, and does not pause for long."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield RegistryClient(session, Origin.parse(f"http://{endpoint.host}"), settings=QUICK)
