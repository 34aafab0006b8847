"""Content for tests, pushed through the services: blobs, images, artifacts and indexes, each given as a descriptor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from oci_spec.reference import RepositoryName, Tag
from registry.auth.access import Access
from registry.auth.subject import ANONYMOUS
from registry.services import push
from registry.services.context import Services
from tests.registry.uploading import push_blob

Document = dict[str, Any]

AMD64: Document = {"os": "linux", "architecture": "amd64"}
ARM64: Document = {"os": "linux", "architecture": "arm64", "variant": "v8"}
UNKNOWN: Document = {"os": "unknown", "architecture": "unknown"}


@dataclass(frozen=True, slots=True)
class Pusher:
    """Pushes to one repository as somebody who may."""

    services: Services
    access: Access

    @classmethod
    def to(cls, services: Services, repository: str) -> Pusher:
        """A pusher to the repository of this name."""
        return cls(services, Access(ANONYMOUS, RepositoryName.parse(repository), may_make_namespace=True))

    async def blob(self, content: bytes, media_type: str) -> Document:
        """Push `content` as a blob; its descriptor."""
        digest = await push_blob(self.services, self.access, content)
        return {"mediaType": media_type, "digest": str(digest), "size": len(content)}

    async def manifest(self, document: Document, *tags: str) -> Document:
        """Push a manifest under its digest and `tags`; its descriptor."""
        content = json.dumps({"schemaVersion": 2, **document}).encode()
        pushed = await push.manifest(
            self.services,
            self.access,
            Digest.of(content),
            content,
            content_type=None,
            extra_tags=tuple(map(Tag.parse, tags)),
        )
        return {"mediaType": document["mediaType"], "digest": str(pushed.digest), "size": len(content)}

    async def image(
        self,
        *tags: str,
        config: Mapping[str, Any] | bytes = AMD64,
        layers: Sequence[bytes] = (b"a layer",),
        config_type: str = OCI_CONFIG,
        **fields: Any,
    ) -> Document:
        """Push an image with this configuration and these layers; its descriptor."""
        content = config if isinstance(config, bytes) else json.dumps(config).encode()
        document = {
            "mediaType": OCI_MANIFEST,
            "config": await self.blob(content, config_type),
            "layers": [await self.blob(layer, OCI_LAYER_GZIP) for layer in layers],
        }
        return await self.manifest({**document, **fields}, *tags)

    async def index(self, *tags: str, manifests: Sequence[Document], **fields: Any) -> Document:
        """Push an index of these descriptors; its descriptor."""
        return await self.manifest({"mediaType": OCI_INDEX, "manifests": list(manifests), **fields}, *tags)
