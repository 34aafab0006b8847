"""The folders of a distribution registry, made as it makes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DistributionFolder:
    """What a registry has below `root`; what is put in is given back as a descriptor."""

    root: Path

    def path(self, digest: Digest) -> Path:
        """The file of a blob or manifest."""
        blobs = self._home / "blobs" / digest.algorithm / digest.encoded[:2] / digest.encoded
        return blobs / "data"

    def link(self, repository: str, *parts: str) -> Path:
        """A link in the manifests of a repository."""
        return self._home.joinpath("repositories", repository, "_manifests", *parts, "link")

    def revision(self, repository: str, digest: Digest) -> Path:
        """The link of a manifest."""
        return self.link(repository, "revisions", digest.algorithm, digest.encoded)

    def blob(self, content: bytes, media_type: str = OCI_LAYER_GZIP, algorithm: str = "sha256") -> Document:
        """Put a blob."""
        digest = Digest.of(content, algorithm)
        _write(self.path(digest), content)
        return {"mediaType": media_type, "digest": str(digest), "size": len(content)}

    def manifest(self, repository: str, document: Document, *tags: str, algorithm: str = "sha256") -> Document:
        """Put a manifest into a repository, and let `tags` name it."""
        content = json.dumps({"schemaVersion": 2, **document}).encode()
        made = self.blob(content, document.get("mediaType", OCI_MANIFEST), algorithm)
        digest = Digest.parse(made["digest"])
        _write(self.revision(repository, digest), made["digest"].encode())
        for tag in tags:
            self.tag(repository, tag, digest)
        return made

    def image(self, repository: str, *tags: str, layers: Sequence[bytes] = (b"a layer",), **fields: Any) -> Document:
        """Put an image of these layers."""
        document = {
            "mediaType": OCI_MANIFEST,
            "config": self.blob(b"{}", OCI_CONFIG),
            "layers": [self.blob(layer) for layer in layers],
        }
        return self.manifest(repository, {**document, **fields}, *tags)

    def index(self, repository: str, *tags: str, manifests: Sequence[Document], **fields: Any) -> Document:
        """Put an index of these descriptors."""
        return self.manifest(repository, {"mediaType": OCI_INDEX, "manifests": [*manifests], **fields}, *tags)

    def tag(self, repository: str, tag: str, digest: Digest) -> None:
        """Let a tag name a manifest, and remember that it did."""
        _write(self.link(repository, "tags", tag, "current"), str(digest).encode())
        _write(self.link(repository, "tags", tag, "index", digest.algorithm, digest.encoded), str(digest).encode())

    @property
    def _home(self) -> Path:
        return self.root / "docker" / "registry" / "v2"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
