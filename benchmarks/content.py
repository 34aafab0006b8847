"""What is pulled in the measurements, and putting it into a registry by the distribution API."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from benchmarks.servers import Server

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

REPOSITORY = "bench/data"

_LAYERS = 10
_IMAGES = 16
# How many blobs of each size there are: a server may keep what it read last, but not only that.
_BLOBS = {KIB: 32, MIB: 8, 100 * MIB: 1, GIB: 1}
# More than that Python's generator does not give at once.
_DRAWN = 128 * MIB


class PushRefused(Exception):
    """A registry did not take what it was to be measured with."""


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest under a tag, with the blobs that it names."""

    tag: str
    manifest: bytes
    blobs: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return digest(self.manifest)


class Corpus:
    """Blobs of some sizes and images of ten layers, the same in every run."""

    def __init__(self) -> None:
        self._random = random.Random("moorage")
        self._blobs: dict[int, list[bytes]] = {}
        small = self.blobs(KIB)
        self.images = [make_image(f"v{number}", [*small[number : number + _LAYERS]]) for number in range(_IMAGES)]

    def blobs(self, size: int) -> list[bytes]:
        """The blobs of this size, one of those that are measured."""
        if size not in self._blobs:
            self._blobs[size] = [self._draw(size) for _ in range(_BLOBS[size])]
        return self._blobs[size]

    def push(self, server: Server, sizes: Iterable[int]) -> None:
        """Put all images and the blobs of these sizes into REPOSITORY.

        Raises:
            PushRefused: the server does not take them.
        """
        connection = server.connect()
        try:
            for size in sorted({KIB, *sizes}):
                for blob in self.blobs(size):
                    push_blob(connection, REPOSITORY, blob)
            for image in self.images:
                push_blob(connection, REPOSITORY, image.blobs[0])
                push_manifest(connection, REPOSITORY, image.tag, image.manifest)
        finally:
            connection.close()

    def _draw(self, size: int) -> bytes:
        return b"".join(self._random.randbytes(min(_DRAWN, size - start)) for start in range(0, size, _DRAWN))


def digest(content: bytes) -> str:
    """The sha256 digest of `content`, with its algorithm."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def make_image(tag: str, layers: list[bytes]) -> Image:
    """An image of these layers; its config is its first blob."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {"Cmd": ["/bin/true"], "Labels": {"tag": tag}},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(OCI_CONFIG, config),
        "layers": [_descriptor(OCI_LAYER, layer) for layer in layers],
    }
    return Image(tag, json.dumps(manifest).encode(), (config, *layers))


def push_blob(connection: http.client.HTTPConnection, repository: str, content: bytes) -> None:
    """Push a blob by POST and PUT.

    Raises:
        PushRefused: the server does not take it.
    """
    started = _ask(connection, "POST", f"/v2/{repository}/blobs/uploads/", expected=202)
    parts = urlsplit(started)
    target = f"{parts.path}?{parts.query}&" if parts.query else f"{parts.path}?"
    _ask(connection, "PUT", f"{target}digest={quote(digest(content))}", content, expected=201)


def push_manifest(connection: http.client.HTTPConnection, repository: str, tag: str, manifest: bytes) -> None:
    """Push a manifest under a tag; its blobs must be there.

    Raises:
        PushRefused: the server does not take it.
    """
    target = f"/v2/{repository}/manifests/{tag}"
    _ask(connection, "PUT", target, manifest, expected=201, content_type=OCI_MANIFEST)


def list_targets(server: Server, target: str) -> list[str]:
    """The targets of all pages of the list that begins at `target` (distribution-spec, "Listing Tags").

    Raises:
        PushRefused: the server does not list it.
    """
    connection = server.connect()
    targets = [target]
    try:
        while True:
            connection.request("GET", targets[-1])
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                raise PushRefused(f"GET {targets[-1]}: {response.status}")
            link = response.getheader("Link")
            if link is None:
                return targets
            parts = urlsplit(link[link.index("<") + 1 : link.index(">")])
            targets.append(f"{parts.path}?{parts.query}")
    finally:
        connection.close()


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    expected: int,
    content_type: str = "application/octet-stream",
) -> str:
    connection.request(method, target, body, {"Content-Type": content_type, "Content-Length": str(len(body))})
    response = connection.getresponse()
    said = response.read()
    if response.status != expected:
        raise PushRefused(f"{method} {target}: {response.status} {said[:500].decode(errors='replace')}")
    return response.getheader("Location", "")
