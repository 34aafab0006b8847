"""Making an image of one layer from a root file system: a tar archive, compressed or not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from oci_spec.descriptor import Platform
from oci_spec.image_name import ImageName
from runner.images import changes
from runner.images.loading import bring_image, docker_manifest, section_of
from runner.images.progress import Watcher
from runner.images.spooling import compress, unnamed_file
from runner.layers.blocks import ByteSource
from runner.store.folders import Store
from runner.store.index import Image


@dataclass(frozen=True, slots=True)
class Import:
    """What is made of a root file system: `changes` are lines of a Dockerfile, `comment` says where it came from."""

    platform: Platform
    comment: str
    changes: Sequence[str] = ()
    name: ImageName | None = None


async def import_archive(store: Store, source: ByteSource, wanted: Import, watcher: Watcher) -> Image:
    """Bring the image into the store.

    Raises:
        ChangeInvalid: a change makes no sense; nothing was read.
        LayerError, LayerNotUnpacked: the stream is no archive, or damaged.
    """
    run: changes.Config = {}
    for change in wanted.changes:
        changes.apply(run, change)
    with unnamed_file(store) as file:
        layer = compress(source, file)
        config = _config(wanted, run, str(layer.diff_id))
        return await bring_image(
            store,
            () if wanted.name is None else (wanted.name,),
            manifest=docker_manifest(config, [layer]),
            config=config,
            files={layer.digest: section_of(layer.file, layer.size)},
            watcher=watcher,
        )


def _config(wanted: Import, run: changes.Config, diff_id: str) -> bytes:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    document = {
        "architecture": wanted.platform.architecture,
        **({"variant": wanted.platform.variant} if wanted.platform.variant else {}),
        "config": run,
        "created": now,
        "history": [{"created": now, "comment": wanted.comment}],
        "os": wanted.platform.os,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
