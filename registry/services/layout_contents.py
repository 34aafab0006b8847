"""What an image layout that somebody else wrote says it holds.

Its manifests are read and compared with their digests; of all other content only the size is looked at. So nothing can
lead in a circle: no manifest can name itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import (
    INDEX_FILE,
    LAYOUT_BYTES,
    LAYOUT_FILE,
    LayoutEntry,
    blob_path,
    check_layout_file,
    parse_index,
)
from oci_spec.manifest import Manifest, parse_manifest
from oci_spec.media_types import MANIFEST_TYPES
from oci_spec.reference import fallback_tag
from registry import limits
from registry.errors import DigestMismatch, ManifestTooLarge
from registry.services.progress import Progress, Watcher
from registry.services.push import is_required
from storage_backends.layouts.contract import LayoutReader


@dataclass(frozen=True, slots=True)
class WantedBlob:
    """A blob that a manifest names; one that is not `required` may be missing everywhere. `size` is in bytes."""

    digest: Digest
    size: int
    required: bool
    in_layout: bool


@dataclass(frozen=True, slots=True)
class LayoutManifest:
    """One manifest of a layout and what it names; `children` need not be in the layout."""

    digest: Digest
    media_type: str
    size: int
    blobs: tuple[WantedBlob, ...]
    children: tuple[Digest, ...]
    subject: Digest | None


@dataclass(frozen=True, slots=True)
class LayoutContents:
    """All entries of a layout, and all manifests that they lead to, as far as the layout has them.

    In place of a list of what refers to a subject stand the entries of that list. `referrers` are, by the digest of a
    subject, the entries that refer to it.
    """

    entries: tuple[LayoutEntry, ...]
    manifests: dict[Digest, LayoutManifest]
    referrers: dict[Digest, list[Digest]]

    def closure(self, roots: Iterable[Digest]) -> list[LayoutManifest]:
        """The manifests that `roots` consist of, each once and after those that it names."""
        # Each stands on the stack twice: below what it names until that is done, and then for itself.
        unread, opened, done = [(digest, False) for digest in reversed([*roots])], set[Digest](), dict[Digest, None]()
        while unread:
            digest, is_ready = unread.pop()
            if is_ready:
                done[digest] = None
            elif digest in self.manifests and digest not in opened:
                opened.add(digest)
                unread.append((digest, True))
                unread += [(child, False) for child in reversed(self.manifests[digest].children)]
        return [self.manifests[digest] for digest in done]


async def read(layout: LayoutReader, manifest_bytes: int, *, progress: Watcher) -> LayoutContents:
    """What `layout` holds; a manifest of more than `manifest_bytes` is refused.

    Raises:
        ImageLayoutInvalid: it is no layout, or one that cannot be trusted.
        ManifestInvalid, ManifestTooLarge, DigestMismatch: one of its manifests is not what it should be.
    """
    content = await layout.file(LAYOUT_FILE, LAYOUT_BYTES)
    if content is None:
        raise ImageLayoutInvalid(
            f"this is no image layout: there is no file {LAYOUT_FILE} (what `docker save` wrote before Docker 25 can be"
            " converted with `skopeo copy docker-archive:FILE oci-archive:FILE`)"
        )
    check_layout_file(content)
    index = await layout.file(INDEX_FILE, limits.LAYOUT_INDEX_BYTES)
    if index is None:
        raise ImageLayoutInvalid(f"this is no whole image layout: there is no file {INDEX_FILE}")
    entries = await asyncio.to_thread(parse_index, index)
    reading = _Reading(layout, manifest_bytes, progress)
    for entry in entries:
        await reading.follow(entry.descriptor)
    listed = tuple(_without_lists(entries, reading.manifests))
    return LayoutContents(listed, reading.manifests, _by_subject(listed, reading.manifests))


class _Reading:
    """One walk over all manifests that the entries of a layout lead to."""

    def __init__(self, layout: LayoutReader, manifest_bytes: int, progress: Watcher) -> None:
        self.manifests: dict[Digest, LayoutManifest] = {}
        self._layout = layout
        self._manifest_bytes = manifest_bytes
        self._progress = progress
        self._named = 0

    async def follow(self, root: Descriptor) -> None:
        """Read `root` and what it consists of; what is no manifest is left alone."""
        unread = [root] if root.media_type in MANIFEST_TYPES else []
        while unread:
            descriptor = unread.pop()
            if descriptor.digest in self.manifests or await self._size(descriptor) is None:
                continue
            manifest = await self._manifest(descriptor)
            children = [child for child in manifest.manifests if child.media_type in MANIFEST_TYPES]
            self._count(1 + len(manifest.layers) + len(manifest.manifests))
            self.manifests[descriptor.digest] = LayoutManifest(
                digest=descriptor.digest,
                media_type=manifest.media_type,
                size=descriptor.size,
                blobs=tuple([await self._blob(blob) for blob in _blobs(manifest)]),
                children=tuple(child.digest for child in children),
                subject=manifest.subject.digest if manifest.subject is not None else None,
            )
            self._progress(Progress("reading manifests", len(self.manifests), None))
            unread += children

    async def _manifest(self, descriptor: Descriptor) -> Manifest:
        content = await manifest_content(self._layout, descriptor.digest, descriptor.size, self._manifest_bytes)
        return await asyncio.to_thread(parse_manifest, content, descriptor.media_type)

    async def _blob(self, blob: Descriptor) -> WantedBlob:
        size = await self._size(blob)
        return WantedBlob(blob.digest, blob.size, is_required(blob), in_layout=size is not None)

    async def _size(self, descriptor: Descriptor) -> int | None:
        size = await self._layout.size(descriptor.digest)
        if size not in {None, descriptor.size}:
            path = blob_path(descriptor.digest)
            raise ImageLayoutInvalid(f"{path} has {size} bytes, and is said to have {descriptor.size}")
        return size

    def _count(self, named: int) -> None:
        self._named += named
        if self._named > limits.LAYOUT_MEMBERS:
            raise ImageLayoutInvalid(f"its manifests name more than {limits.LAYOUT_MEMBERS} pieces of content")


async def manifest_content(layout: LayoutReader, digest: Digest, size: int, limit: int) -> bytes:
    """The bytes of a manifest of `size` bytes that is in the layout, compared with its digest.

    Raises:
        ManifestTooLarge: it has more than `limit` bytes.
        DigestMismatch: it has others.
    """
    if size > limit:
        raise ManifestTooLarge(limit)
    content = b"".join([chunk async for chunk in layout.chunks(digest)])
    actual = await asyncio.to_thread(Digest.of, content, digest.algorithm)
    if actual != digest:
        raise DigestMismatch(digest, actual)
    return content


def _without_lists(entries: Iterable[LayoutEntry], manifests: dict[Digest, LayoutManifest]) -> Iterator[LayoutEntry]:
    """The entries, with what refers to a subject in place of its fallback tag, under which regctl lists that.

    A registry that lists referrers itself needs no such tag (distribution-spec, "Referrers Tag Schema").
    """
    for entry in entries:
        referrers = _listed_by(entry, manifests)
        if not referrers:
            yield entry
        for referrer in referrers:
            yield LayoutEntry(Descriptor(referrer.media_type, referrer.digest, referrer.size))


def _listed_by(entry: LayoutEntry, manifests: dict[Digest, LayoutManifest]) -> list[LayoutManifest]:
    """What a list of referrers lists; nothing, if the entry is none or lists what its tag does not tell."""
    listing = manifests.get(entry.descriptor.digest)
    if entry.tag is None or listing is None or listing.blobs:
        return []
    there = [manifests[child] for child in listing.children if child in manifests]
    known = [child for child in there if child.subject is not None and fallback_tag(child.subject) == entry.tag]
    return known if len(known) == len(listing.children) else []


def _by_subject(entries: Iterable[LayoutEntry], manifests: dict[Digest, LayoutManifest]) -> dict[Digest, list[Digest]]:
    found: dict[Digest, list[Digest]] = {}
    for digest in dict.fromkeys(entry.descriptor.digest for entry in entries):
        manifest = manifests.get(digest)
        if manifest is not None and manifest.subject is not None:
            found.setdefault(manifest.subject, []).append(digest)
    return found


def _blobs(manifest: Manifest) -> Iterator[Descriptor]:
    """What a manifest names and is no manifest, each once."""
    config = (manifest.config,) if manifest.config is not None else ()
    listed = (child for child in manifest.manifests if child.media_type not in MANIFEST_TYPES)
    return iter({blob.digest: blob for blob in (*config, *manifest.layers, *listed)}.values())
