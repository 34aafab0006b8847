"""Reading archives of images: OCI image layouts, and what `docker save` and `podman save` write.

Only headers are read by the standard library's module; nothing is extracted by it. What is said in an archive is
believed of nothing: blobs are verified when they are brought, all else is bounded and parsed strictly.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.errors import ImageNameInvalid, OciSpecError
from oci_spec.image_layout import INDEX_FILE, LAYOUT_FILE, REF_NAME, blob_path, parse_index
from oci_spec.image_name import ImageName
from oci_spec.manifest import Manifest, ManifestKind, parse_manifest
from runner.images.errors import ArchiveInvalid
from runner.images.manifests import child_for
from runner.images.saving import IMAGE_NAME
from runner.limits import ARCHIVE_MEMBERS, CONFIG_BYTES

_LISTING = "manifest.json"
_LINKS = 8


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image in an archive. With a `manifest`, its layers are blobs; without, `layers` only name files."""

    names: tuple[ImageName, ...]
    config: bytes
    layers: tuple[str, ...]
    manifest: bytes | None = None


class ImageArchive:
    """The uncompressed tar archive in `file`, which can be read from any place."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                self._members = dict(_members(archive))
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise ArchiveInvalid(str(error)) from error

    def images(self, platform: Platform) -> list[ArchivedImage]:
        """All images; of an index, the one for the platform.

        Raises:
            ArchiveInvalid: there are none, or what is said of them makes no sense.
        """
        try:
            if LAYOUT_FILE in self._members and self._layout_is_whole():
                return list(self._of_layout(platform))
            if _LISTING in self._members:
                return list(self._of_listing())
        except (OciSpecError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ArchiveInvalid(str(error)) from error
        raise ArchiveInvalid("it has neither an image layout nor docker's manifest.json")

    def section(self, name: str) -> Section:
        """A file of the archive.

        Raises:
            ArchiveInvalid: it is not there, or no file.
        """
        for _ in range(_LINKS):
            member = self._members.get(name)
            if member is None:
                break
            if member.isreg():
                return Section(self._file, member.offset_data, member.size)
            # Docker writes a layer that it has written before as a link to that.
            name = _normal(member.linkname) if member.islnk() else _resolved(name, member.linkname)
        raise ArchiveInvalid(f"{name} is not in it")

    def _layout_is_whole(self) -> bool:
        """Whether manifests are there: some programs write the files of a layout around an archive of docker's."""
        if INDEX_FILE not in self._members:
            return False
        entries = parse_index(self._read(INDEX_FILE))
        return bool(entries) and all(blob_path(each.descriptor.digest) in self._members for each in entries)

    def _of_layout(self, platform: Platform) -> Iterator[ArchivedImage]:
        names: dict[Digest, tuple[ImageName, ...]] = {}
        for entry in parse_index(self._read(INDEX_FILE)):
            annotations = entry.descriptor.annotations or {}
            name = _name(annotations.get(IMAGE_NAME) or annotations.get(REF_NAME) or "")
            before = names.setdefault(entry.descriptor.digest, ())
            names[entry.descriptor.digest] = before if name is None else (*before, name)
        for digest, tags in names.items():
            content, manifest = self._manifest(digest)
            if manifest.kind is ManifestKind.INDEX:
                content, manifest = self._manifest(child_for(manifest, platform, str(digest)).digest)
            if manifest.config is None:
                raise ArchiveInvalid(f"{digest} is no image")
            layers = tuple(blob_path(layer.digest) for layer in manifest.layers)
            yield ArchivedImage(tags, self._verified(manifest.config.digest), layers, content)

    def _of_listing(self) -> Iterator[ArchivedImage]:
        listing: list[dict[str, Any]] = json.loads(self._read(_LISTING))
        for entry in listing:
            names = tuple(ImageName.parse(str(text)).tagged() for text in entry.get("RepoTags") or ())
            yield ArchivedImage(names, self._read(str(entry["Config"])), tuple(map(str, entry["Layers"] or ())))

    def _manifest(self, digest: Digest) -> tuple[bytes, Manifest]:
        content = self._verified(digest)
        return content, parse_manifest(content, None)

    def _verified(self, digest: Digest) -> bytes:
        content = self._read(blob_path(digest))
        if Digest.of(content, digest.algorithm) != digest:
            raise ArchiveInvalid(f"{digest} has other bytes")
        return content

    def _read(self, name: str) -> bytes:
        section = self.section(name)
        if section.size > CONFIG_BYTES:
            raise ArchiveInvalid(f"{name} has more than {CONFIG_BYTES} bytes")
        return section.read(section.size)


class Section(io.RawIOBase):
    """A part of a file, read from its beginning."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._at = 0
        self.size = size

    def read(self, size: int = -1, /) -> bytes:
        left = self.size - self._at
        self._file.seek(self._start + self._at)
        content = self._file.read(left if size < 0 else min(size, left))
        self._at += len(content)
        return content

    def skip_to(self, place: int) -> None:
        """Go on from this byte of the section."""
        self._at = place


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    for count, member in enumerate(archive):
        if count >= ARCHIVE_MEMBERS:
            raise ArchiveInvalid(f"it has more than {ARCHIVE_MEMBERS} members")
        if member.isreg() or member.issym() or member.islnk():
            yield _normal(member.name), member


def _normal(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in {"", "."})


def _resolved(name: str, link: str) -> str:
    """Where a symbolic link leads, without leaving the archive: its names are only names."""
    parts = [] if link.startswith("/") else name.split("/")[:-1]
    for part in link.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _name(text: str) -> ImageName | None:
    """The name in an annotation; a tag alone names nothing."""
    if ":" not in text and "/" not in text:
        return None
    try:
        return ImageName.parse(text).tagged()
    except ImageNameInvalid:
        return None
