"""How an image was made, step by step, as its configuration tells it."""

from __future__ import annotations

from dataclasses import dataclass

from oci_spec.image_config import parse_image_config
from runner.store import blobs, layers
from runner.store.folders import Store
from runner.store.index import Image


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and the bytes of the layer that it made; `created` is as RFC 3339 writes it, or ""."""

    created: str
    created_by: str
    comment: str
    size: int


def steps(store: Store, image: Image) -> list[Step]:
    """The steps, the last first. Where the configuration tells of fewer steps than layers, the layers have no words.

    Raises:
        BlobMissing, BlobDamaged: the store has lost the configuration.
    """
    config = parse_image_config(blobs.read(store, image.id))
    sizes = [layers.size(store, chain_id) for chain_id in image.layers]
    found: list[Step] = []
    for entry in config.history:
        size = 0 if entry.empty_layer or not sizes else sizes.pop(0)
        created = "" if entry.created is None else entry.created.isoformat()
        found.append(Step(created, entry.created_by or "", entry.comment or "", size))
    found += [Step("", "", "", size) for size in sizes]
    return found[::-1]
