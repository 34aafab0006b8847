"""The last step of every way into the store: what has been brought becomes an image with names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from oci_spec.digest import Digest
from oci_spec.image_config import ImageConfig
from oci_spec.image_name import ImageName
from runner.images.bringing import WantedLayer
from runner.store import index, layers
from runner.store.folders import Store
from runner.store.index import Image


def add(
    store: Store,
    names: Sequence[ImageName],
    *,
    image_id: Digest,
    manifest: Digest,
    config: ImageConfig,
    brought: Sequence[WantedLayer],
) -> Image:
    """Make known an image whose manifest, configuration and layers are in the store, under each of its names."""
    chain = tuple(layer.chain_id for layer in brought)
    image = Image(
        id=image_id,
        manifest=manifest,
        layers=chain,
        size=sum(layers.size(store, chain_id) for chain_id in chain),
        created="" if config.created is None else config.created.isoformat(),
        added=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with index.changing(store) as changed:
        changed.put(image)
        for name in names:
            if name.digest is not None:
                changed.add_digest(image_id, name.with_digest(name.digest))
            elif name.tag is not None:
                changed.tag(image_id, name.with_tag(name.tag))
        added = changed.get(image_id)
    assert added is not None
    return added
