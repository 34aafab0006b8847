"""Pushing and pulling over HTTP, a request at a time, so that a test can say how each is answered."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from tests.registry.app.processes import Answer

_SESSIONS = "/v2/team/app/blobs/uploads/"


class Asked(Protocol):
    """Who answers requests: a registry, or what stands before several nodes of one."""

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request."""
        ...


@dataclass(frozen=True)
class Repository:
    """The repository `team/app` of a running registry."""

    registry: Asked

    def push_blob(self, content: bytes) -> Answer:
        """The answer to a whole blob in one request."""
        return self.registry.ask("POST", f"{_SESSIONS}?digest={Digest.of(content)}", content)

    def begin(self, content: bytes) -> str:
        """Open an upload session and send its first bytes; where it goes on."""
        location = _accepted(self.registry.ask("POST", _SESSIONS)).headers["Location"]
        return _accepted(self.append(location, content)).headers["Location"]

    def append(self, location: str, content: bytes) -> Answer:
        """The answer to further bytes of a session."""
        return self.registry.ask("PATCH", location, content)

    def finish(self, location: str, content: bytes) -> Answer:
        """The answer to the end of a session whose bytes are `content`."""
        return self.registry.ask("PUT", f"{location}&digest={Digest.of(content)}")

    def push_manifest(self, content: bytes, reference: str) -> Answer:
        """The answer to a manifest."""
        path = f"/v2/team/app/manifests/{reference}"
        return self.registry.ask("PUT", path, content, headers={"Content-Type": OCI_MANIFEST})

    def push_image(self, layer: bytes, tag: str) -> bytes:
        """Push an image of one layer; its manifest."""
        for content in (b"{}", layer):
            answer = self.push_blob(content)
            assert answer.status == 201, answer.body
        manifest = image_of(layer)
        answer = self.push_manifest(manifest, tag)
        assert answer.status == 201, answer.body
        return manifest

    def pull_manifest(self, reference: str) -> Answer:
        """The answer to who asks for a manifest."""
        return self.registry.ask("GET", f"/v2/team/app/manifests/{reference}", headers={"Accept": OCI_MANIFEST})

    def pull_blob(self, content: bytes) -> Answer:
        """The answer to who asks for the blob of this content."""
        return self.registry.ask("GET", f"/v2/team/app/blobs/{Digest.of(content)}")

    def assert_pullable(self, layer: bytes, tag: str) -> None:
        """The image of this layer is all there."""
        assert self.pull_manifest(tag).body == image_of(layer)
        assert self.pull_blob(layer).body == layer

    def delete_blob(self, content: bytes) -> int:
        """The status of the answer to who takes a blob away."""
        return self.registry.ask("DELETE", f"/v2/team/app/blobs/{Digest.of(content)}").status

    def delete_manifest(self, reference: str) -> int:
        """The status of the answer to who takes a tag away, or a manifest by its digest."""
        return self.registry.ask("DELETE", f"/v2/team/app/manifests/{reference}").status


def image_of(layer: bytes) -> bytes:
    """The manifest of an image of one layer and an empty configuration."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(OCI_CONFIG, b"{}"),
        "layers": [_descriptor(OCI_LAYER_GZIP, layer)],
    }
    return json.dumps(document).encode()


def told(answer: Answer) -> tuple[int, str, str | None]:
    """What an error's answer tells a client: status, code, when to try again."""
    return answer.status, json.loads(answer.body)["errors"][0]["code"], answer.headers.get("Retry-After")


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def _accepted(answer: Answer) -> Answer:
    assert answer.status == 202, answer.body
    return answer
