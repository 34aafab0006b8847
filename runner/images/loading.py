"""Loading images from archives into the store, verified and unpacked as what comes from a registry is."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from typing import BinaryIO

from oci_spec.digest import Digest
from oci_spec.image_name import ImageName
from oci_spec.manifest import parse_manifest
from oci_spec.media_types import DOCKER_CONFIG, DOCKER_LAYER_GZIP, DOCKER_MANIFEST
from runner.images import adding, host, manifests
from runner.images.archives import ArchivedImage, ImageArchive, Section
from runner.images.bringing import Bringing, WantedLayer
from runner.images.progress import Watcher
from runner.images.spooling import SpooledLayer, compress, spool, unnamed_file
from runner.images.together import all_of
from runner.images.workers import working
from runner.layers.blocks import ByteSource
from runner.store import blobs
from runner.store.folders import Store
from runner.store.index import Image
from runner.store.leases import leasing

_BLOCK_BYTES = 1024 * 1024


async def load(store: Store, source: ByteSource, watcher: Watcher) -> list[tuple[Image, tuple[ImageName, ...]]]:
    """Bring all images of an archive, compressed or not, into the store; each with the names that it has there.

    Raises:
        ArchiveInvalid, LayerError: it is no archive of images.
        ImageError, OciSpecError: an image in it is none, or damaged.
    """
    with unnamed_file(store) as file:
        spool(source, file)
        archive = ImageArchive(file)
        loaded = []
        for archived in archive.images(host.platform()):
            with ExitStack() as files:
                if archived.manifest is None:
                    image = await _load_docker(store, archive, archived, watcher=watcher, files=files)
                else:
                    image = await _load_layout(store, archive, archived, watcher)
            loaded.append((image, archived.names))
        return loaded


async def bring_image(
    store: Store,
    names: Sequence[ImageName],
    *,
    manifest: bytes,
    config: bytes,
    files: dict[Digest, Section],
    watcher: Watcher,
) -> Image:
    """Bring an image whose layers are in `files` (by the digests of their blobs) into the store, under its names.

    Raises:
        ImageError, OciSpecError: it is none, or damaged.
    """
    parsed = parse_manifest(manifest, None)
    config_at = manifests.config_descriptor(parsed, "it")
    understood = manifests.parse_config(config, parsed)
    layers = manifests.wanted_layers(parsed.layers, understood)
    with leasing(store) as lease:
        digest = Digest.of(manifest)
        lease.add(blobs=[digest, config_at.digest, *files], layers=[layer.chain_id for layer in layers])
        async with working() as workers:
            bringing = Bringing(store, _FileSource(files), workers, watcher)
            await all_of(bringing.bring(layer) for layer in layers)
        blobs.keep_as(store, config_at.digest, config)
        blobs.keep_as(store, digest, manifest)
        return adding.add(store, names, image_id=config_at.digest, manifest=digest, config=understood, brought=layers)


def docker_manifest(config: bytes, layers: Sequence[SpooledLayer]) -> bytes:
    """The manifest of an image that came without one."""
    descriptors = [_descriptor(DOCKER_LAYER_GZIP, layer.digest, layer.size) for layer in layers]
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": _descriptor(DOCKER_CONFIG, Digest.of(config), len(config)),
        "layers": descriptors,
    }
    return json.dumps(document, separators=(",", ":")).encode()


async def _load_layout(store: Store, archive: ImageArchive, archived: ArchivedImage, watcher: Watcher) -> Image:
    assert archived.manifest is not None
    parsed = parse_manifest(archived.manifest, None)
    files = {layer.digest: archive.section(name) for layer, name in zip(parsed.layers, archived.layers, strict=True)}
    return await bring_image(
        store, archived.names, manifest=archived.manifest, config=archived.config, files=files, watcher=watcher
    )


async def _load_docker(
    store: Store, archive: ImageArchive, archived: ArchivedImage, *, watcher: Watcher, files: ExitStack
) -> Image:
    """What has no manifest gets one, and layers that a registry would take."""
    layers = [compress(archive.section(name), files.enter_context(unnamed_file(store))) for name in archived.layers]
    sections = {layer.digest: section_of(layer.file, layer.size) for layer in layers}
    manifest = docker_manifest(archived.config, layers)
    return await bring_image(
        store, archived.names, manifest=manifest, config=archived.config, files=sections, watcher=watcher
    )


def section_of(file: BinaryIO, size: int) -> Section:
    """All of a file that was written."""
    file.flush()
    return Section(file, 0, size)


class _FileSource:
    def __init__(self, files: dict[Digest, Section]) -> None:
        self._files = files

    async def blocks(self, layer: WantedLayer, start: int) -> AsyncGenerator[bytes]:
        section = self._files[layer.digest]
        section.skip_to(start)
        # Read at once, and not in a thread: the file is shared by several layers, and was written a moment ago.
        while block := section.read(_BLOCK_BYTES):
            yield block


def _descriptor(media_type: str, digest: Digest, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(digest), "size": size}
