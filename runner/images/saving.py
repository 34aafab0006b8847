"""Saving images as an archive that every program can load: an OCI image layout that is a docker archive as well.

(image-spec, "OCI Image Layout Specification"; docker's "Image Specification v1.2.0", `manifest.json`)

Manifests, configurations and layers stand in it as they are in the store, so that digests survive; what reads docker's
archives finds them by `manifest.json`.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from oci_spec.digest import Digest
from oci_spec.image_layout import INDEX_FILE, LAYOUT_FILE, REF_NAME, blob_path, layout_file
from oci_spec.image_name import ImageName
from oci_spec.manifest import parse_manifest
from oci_spec.media_types import OCI_INDEX
from runner.store import blobs
from runner.store.folders import Store
from runner.store.index import Image
from runner.store.leases import leasing

IMAGE_NAME = "io.containerd.image.name"
"""The annotation of an entry that holds the image's whole name: what containerd and docker write and read."""

Saved = tuple[Image, tuple[ImageName, ...]]
"""An image, and the names (with tags) that it is to have where it is loaded."""


def save(store: Store, images: Sequence[Saved], output: BinaryIO) -> None:
    """Write the images into a tar stream, each of their parts once.

    Raises:
        BlobMissing, BlobDamaged: the store has lost a part.
    """
    with leasing(store) as lease, tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        written: set[Digest] = set()
        entries: list[dict[str, object]] = []
        listing: list[dict[str, object]] = []
        for image, names in images:
            lease.add(blobs=[image.manifest, image.id])
            content = blobs.read(store, image.manifest)
            manifest = parse_manifest(content, None)
            layers = [layer.digest for layer in manifest.layers]
            lease.add(blobs=layers)
            for digest in (*layers, image.id, image.manifest):
                if digest not in written:
                    written.add(digest)
                    _add_blob(archive, store, digest)
            entries += _entries(image, manifest.media_type, len(content), names)
            listing.append(
                {
                    "Config": blob_path(image.id),
                    "RepoTags": [name.familiar() for name in names] or None,
                    "Layers": [blob_path(digest) for digest in layers],
                }
            )
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        _add(archive, INDEX_FILE, json.dumps(index).encode())
        _add(archive, "manifest.json", json.dumps(listing).encode())
        _add(archive, LAYOUT_FILE, layout_file())


def _entries(image: Image, media_type: str, size: int, names: tuple[ImageName, ...]) -> list[dict[str, object]]:
    descriptor: dict[str, object] = {"mediaType": media_type, "digest": str(image.manifest), "size": size}
    if not names:
        return [descriptor]
    return [{**descriptor, "annotations": {IMAGE_NAME: str(name), REF_NAME: str(name.tag)}} for name in names]


def _add_blob(archive: tarfile.TarFile, store: Store, digest: Digest) -> None:
    size = blobs.size(store, digest)
    with Path(store.blob(digest)).open("rb") as file:
        archive.addfile(_header(blob_path(digest), size), file)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    archive.addfile(_header(name, len(content)), io.BytesIO(content))


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = size
    header.mode = 0o644
    return header
