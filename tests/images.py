"""Images made on this machine, as OCI image layouts and docker archives, so that no test needs a public registry.

An `ImageLayout` (image-spec, "Image Layout Specification") is what skopeo, crane, oras, regctl, podman and buildah
read; ctr takes the same directory as a tar file, and dockerd takes the older archive of `docker save`.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"

BUSYBOX = Path("/bin/busybox")

_REF_NAME = "org.opencontainers.image.ref.name"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes with their media type."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """The sha256 digest, with its algorithm."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    def descriptor(self) -> Document:
        """How another document refers to this one (image-spec, "Content Descriptors")."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


@dataclass(frozen=True, slots=True)
class Image:
    """One platform's image: its configuration, layers (gzip) and manifest."""

    config: Content
    layers: tuple[Content, ...]
    manifest: Content


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """An OCI image layout below `root`, into which images, indexes and artifacts are put under a tag."""

    root: Path
    _entries: list[Document] = field(default_factory=list)

    @classmethod
    def read(cls, root: Path) -> "ImageLayout":
        """The layout that somebody wrote below `root`."""
        entries: list[Document] = json.loads((root / "index.json").read_text())["manifests"]
        return cls(root, entries)

    def digest(self, tag: str) -> str:
        """The digest of what stands under `tag`."""
        digest: str = self._find(tag)["digest"]
        return digest

    def digests(self) -> list[str]:
        """The digests of all entries of the layout's `index.json`, tagged or not."""
        return [entry["digest"] for entry in self._entries]

    def content(self, digest: str) -> bytes:
        """The bytes with this sha256 digest."""
        return (self.root / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()

    def put_image(self, tag: str, image: Image) -> str:
        """Write `image` under `tag`; its digest."""
        self._write(image.config, *image.layers, image.manifest)
        return self._name(tag, image.manifest)

    def put_index(self, tag: str, images: Mapping[str, Image]) -> str:
        """Write an index of `images`, by architecture, under `tag`; its digest."""
        children = []
        for architecture, image in images.items():
            self._write(image.config, *image.layers, image.manifest)
            children.append({**image.manifest.descriptor(), "platform": {"os": "linux", "architecture": architecture}})
        index = _document(OCI_INDEX, {"manifests": children})
        self._write(index)
        return self._name(tag, index)

    def archive(self, path: Path) -> Path:
        """Pack the layout into a tar file at `path`, as `ctr images import` takes it; `path` again."""
        with tarfile.open(path, "w") as archive:
            archive.add(self.root, arcname=".")
        return path

    def _find(self, tag: str) -> Document:
        [entry] = [entry for entry in self._entries if entry.get("annotations", {}).get(_REF_NAME) == tag]
        return entry

    def _write(self, *contents: Content) -> None:
        blobs = self.root / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        for content in contents:
            (blobs / content.digest.removeprefix("sha256:")).write_bytes(content.content)

    def _name(self, tag: str, manifest: Content) -> str:
        self._entries.append({**manifest.descriptor(), "annotations": {_REF_NAME: tag}})
        (self.root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (self.root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": self._entries}))
        return manifest.digest


def build_image(*layers: Mapping[str, bytes], architecture: str = "amd64", command: Sequence[str] = ()) -> Image:
    """An image whose layers hold the given files, path to content; the same input gives the same bytes."""
    archives = [_layer(files) for files in layers]
    config = Content(OCI_CONFIG, _configuration(archives, architecture, command))
    packed = tuple(Content(OCI_LAYER, gzip.compress(archive, mtime=0)) for archive in archives)
    manifest = _document(
        OCI_MANIFEST,
        {"config": config.descriptor(), "layers": [layer.descriptor() for layer in packed]},
    )
    return Image(config, packed, manifest)


@cache
def runnable_image(greeting: str, *, architecture: str = "amd64") -> Image:
    """An image that says `greeting` when it is run: busybox in one layer, a file to print in another."""
    return build_image(
        {"bin/busybox": BUSYBOX.read_bytes()},
        {"greeting.txt": greeting.encode()},
        architecture=architecture,
        command=["/bin/busybox", "cat", "/greeting.txt"],
    )


def docker_archive(path: Path, name: str, image: Image) -> Path:
    """Write `image` as `docker load` reads it, under `name`; `path` again."""
    layers = [(f"{layer.digest.removeprefix('sha256:')}.tar", gzip.decompress(layer.content)) for layer in image.layers]
    config = f"{image.config.digest.removeprefix('sha256:')}.json"
    listing = [{"Config": config, "RepoTags": [name], "Layers": [file for file, _ in layers]}]
    with tarfile.open(path, "w") as archive:
        for file, content in [*layers, (config, image.config.content), ("manifest.json", json.dumps(listing).encode())]:
            _add(archive, file, content)
    return path


def _configuration(archives: Sequence[bytes], architecture: str, command: Sequence[str]) -> bytes:
    return json.dumps(
        {
            "created": "2026-01-01T00:00:00Z",
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": list(command), "Labels": {"purpose": "test"}},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(archive).hexdigest()}" for archive in archives],
            },
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "moorage's tests"} for _ in archives],
        }
    ).encode()


def _document(media_type: str, fields: Document) -> Content:
    return Content(media_type, json.dumps({"schemaVersion": 2, "mediaType": media_type, **fields}).encode())


def _layer(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            _add(archive, name, content)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o755
    archive.addfile(member, io.BytesIO(content))
