"""Removing what no image, no lease and no pin names: blobs, layers, and what killed processes left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from oci_spec.digest import Digest
from oci_spec.manifest import Manifest, parse_manifest
from runner.store import blobs, index, layers
from runner.store.errors import StoreError
from runner.store.folders import Store
from runner.store.leases import leased
from runner.store.locks import claimed
from runner.store.pins import pinned
from runner.trees import remove


class Collected(NamedTuple):
    """What a collection removed: the chain IDs of layers, and how many bytes have become free."""

    layers: tuple[Digest, ...]
    size: int


def collect(store: Store, *, unfinished: bool = False) -> Collected:
    """Remove what is not needed; with `unfinished`, also what interrupted pulls would go on with.

    May run beside everything else that uses the store.
    """
    with store.locked():
        needed_blobs, needed_layers = leased(store)
        for kind, digest in pinned(store):
            (needed_blobs if kind == "blob" else needed_layers).add(digest)
        for image in index.read(store).images():
            needed_layers.update(image.layers)
            needed_blobs.update(_blobs_of(store, image))
        moved = [*_unneeded_layers(store, needed_layers), *_unneeded_blobs(store, needed_blobs)]
        for path, _, _ in moved:
            # Deleting takes long; out of the way is out of the way.
            os.rename(path, f"{store.path('trash')}/{os.urandom(12).hex()}")
    _empty(store.path("trash"))
    if unfinished:
        _remove_unfinished(store)
    return Collected(
        layers=tuple(chain_id for _, chain_id, _ in moved if chain_id is not None),
        size=sum(size for _, _, size in moved),
    )


def manifest_of(store: Store, image: index.Image) -> Manifest:
    """What the image's manifest says.

    Raises:
        BlobMissing, BlobDamaged: the store has lost it.
    """
    return parse_manifest(blobs.read(store, image.manifest), None)


def _blobs_of(store: Store, image: index.Image) -> Iterator[Digest]:
    yield from (image.manifest, image.id)
    # What was lost is not needed; what else the image is made of will come anew with it.
    with suppress(StoreError):
        yield from (layer.digest for layer in manifest_of(store, image).layers)


_Moved = tuple[str, Digest | None, int]


def _unneeded_layers(store: Store, needed: set[Digest]) -> Iterator[_Moved]:
    for name in os.listdir(store.path("layers")):
        chain_id = Digest.parse(f"sha256:{name}")
        if chain_id not in needed:
            yield store.layer(chain_id), chain_id, layers.size(store, chain_id)


def _unneeded_blobs(store: Store, needed: set[Digest]) -> Iterator[_Moved]:
    for algorithm in os.listdir(store.path("blobs")):
        folder = store.path(f"blobs/{algorithm}")
        for entry in os.scandir(folder):
            if Digest.parse(f"{algorithm}:{entry.name}") not in needed:
                yield entry.path, None, entry.stat().st_size


def _empty(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in os.listdir(descriptor):
            # Two collections may empty it at the same time.
            with suppress(FileNotFoundError):
                remove(descriptor, name)
    finally:
        os.close(descriptor)


def _remove_unfinished(store: Store) -> None:
    for folder, flags in (("partial", os.O_RDWR), ("unpacking", os.O_RDONLY | os.O_DIRECTORY)):
        for name in os.listdir(store.path(folder)):
            path = f"{store.path(folder)}/{name}"
            with suppress(FileNotFoundError):
                descriptor = claimed(path, flags)
                if descriptor is not None:
                    os.rename(path, f"{store.path('trash')}/{os.urandom(12).hex()}")
                    os.close(descriptor)
    _empty(store.path("trash"))
