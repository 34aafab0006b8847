"""Layouts made for tests of import and export, in memory until a folder or an archive is made of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oci_spec.digest import Digest
from oci_spec.image_layout import REF_NAME, blob_path
from oci_spec.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from registry.auth.access import Access
from registry.services import layout_export, layout_import
from registry.services.context import Services
from registry.services.layout_export import Exported, Selection
from registry.services.layout_import import Choice, Imported
from storage_backends.layouts.contract import LayoutReader
from storage_backends.layouts.reading import open_layout
from storage_backends.layouts.writing import archive_target, folder_target
from tests.storage_backends.layouts.archives import archive, folder, pipe_of

Document = dict[str, Any]


@dataclass(slots=True)
class Layout:
    """The files of a layout under the making; what is put in is given back as a descriptor."""

    files: dict[str, bytes] = field(default_factory=lambda: {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'})
    entries: list[Document] = field(default_factory=list)

    def blob(self, content: bytes, media_type: str = OCI_LAYER_GZIP, algorithm: str = "sha256") -> Document:
        digest = Digest.of(content, algorithm)
        self.files[blob_path(digest)] = content
        return {"mediaType": media_type, "digest": str(digest), "size": len(content)}

    def manifest(self, document: Document, *tags: str, algorithm: str = "sha256") -> Document:
        """Put a manifest, and list it under `tags`."""
        content = json.dumps({"schemaVersion": 2, **document}).encode()
        made = self.blob(content, document["mediaType"], algorithm)
        for tag in tags:
            self.list(made, tag)
        return made

    def image(self, *tags: str, layers: Sequence[bytes] = (b"a layer",), **fields: Any) -> Document:
        document = {
            "mediaType": OCI_MANIFEST,
            "config": self.blob(b"{}", OCI_CONFIG),
            "layers": [self.blob(layer) for layer in layers],
        }
        return self.manifest({**document, **fields}, *tags)

    def index(self, *tags: str, manifests: Sequence[Document]) -> Document:
        return self.manifest({"mediaType": OCI_INDEX, "manifests": list(manifests)}, *tags)

    def list(self, descriptor: Document, tag: str | None = None) -> None:
        """List something in `index.json`."""
        self.entries.append(descriptor if tag is None else {**descriptor, "annotations": {REF_NAME: tag}})

    def without(self, descriptor: Document) -> None:
        """Take a blob's or a manifest's bytes away."""
        del self.files[blob_path(Digest.parse(descriptor["digest"]))]

    def all_files(self) -> dict[str, bytes]:
        """Every file, `index.json` last."""
        index = json.dumps({"schemaVersion": 2, "manifests": self.entries}).encode()
        return {**self.files, "index.json": index}


async def import_files(
    services: Services, access: Access, files: Mapping[str, bytes], root: Path, *, form: str = "folder", **choice: Any
) -> Imported:
    """Import a layout of these files, made at `root` as a `folder`, an `archive`, or a `pipe` that brings one."""
    if form == "pipe":
        with pipe_of(archive(files)) as descriptor:
            return await import_from(services, access, descriptor, **choice)
    path = root / f"imported-{len(list(root.iterdir()))}"
    if form == "archive":
        path.write_bytes(archive(files))
    return await import_from(services, access, path if form == "archive" else folder(path, files), **choice)


async def import_from(services: Services, access: Access, source: Path | int, **choice: Any) -> Imported:
    """Import the layout at `source`."""
    async with open_layout(source, max_members=100) as layout:
        return await layout_import.import_layout(services, access, layout, Choice(**choice))


async def export_to(services: Services, access: Access, target: Path, **selection: Any) -> Exported:
    """Export to `target`, into an archive if its name ends like one."""
    opened = archive_target(target) if target.suffix == ".tar" else folder_target(target)
    async with opened as layout:
        return await layout_export.export(services, access, Selection(**selection), layout)


@asynccontextmanager
async def reading(path: Path) -> AsyncIterator[LayoutReader]:
    """The layout at `path`, which is no pipe."""
    async with open_layout(path, max_members=100) as layout:
        assert isinstance(layout, LayoutReader)
        yield layout
