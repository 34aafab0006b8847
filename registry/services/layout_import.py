"""An image layout, or some of its tags, into a repository, by the same steps as a push.

Each image comes whole before it has a tag: its blobs, its manifests from the inside out, what refers to it, and then
its tags. An import that was killed leaves what it has done, and goes on behind it when it is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.reference import Tag
from registry.auth.access import Access
from registry.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown
from registry.services import deletion, layout_contents, layout_stream, lease_keeping, pull, push, tags
from registry.services.blob_import import BlobImport
from registry.services.context import Services
from registry.services.layout_contents import LayoutContents, LayoutManifest
from registry.services.progress import Watcher, unwatched
from storage_backends.layouts.contract import LayoutReader
from storage_backends.layouts.stream import ArchiveStream


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a layout to import: what bears one of `tags`, or everything, and with it what refers to that.

    It gets the tags that it has in the layout, or the one tag `renamed` in their place.
    """

    tags: tuple[Tag, ...] = ()
    renamed: Tag | None = None


@dataclass(slots=True)
class Imported:
    """What the repository has of the layout now: tags, manifests that no tag leads to, and how much of it is new."""

    tags: dict[Tag, Digest] = field(default_factory=dict)
    untagged: list[Digest] = field(default_factory=list)
    manifests: int = 0
    blobs: int = 0
    size: int = 0
    copied: int = 0
    copied_size: int = 0


@dataclass(frozen=True, slots=True)
class _Root:
    """An entry of the layout that is to be imported, and the tags that it gets."""

    digest: Digest
    tags: tuple[Tag, ...]


async def import_layout(
    services: Services,
    access: Access,
    source: LayoutReader | ArchiveStream,
    choice: Choice,
    *,
    progress: Watcher = unwatched,
) -> Imported:
    """Bring what `choice` names of `source` into the repository of `access`.

    Raises:
        ImageLayoutInvalid: the source is no layout, or has not got what is asked for; nothing was tagged.
        ManifestInvalid, ManifestTooLarge, BlobTooLarge, DigestMismatch: a file is not what it should be.
        ManifestBlobUnknown: a manifest names what neither the layout nor the repository has.
    """
    async with lease_keeping.kept(services, access):
        blobs = BlobImport(services, access, progress)
        if isinstance(source, ArchiveStream):
            blobs.begin("receiving", None)
            source = await layout_stream.received(services, access, source, blobs)
        contents = await layout_contents.read(source, services.settings.manifest_bytes, progress=progress)
        work = _Import(services, access, source, contents, blobs=blobs)
        return await work.run(_chosen(contents, choice))


class _Import:
    """One pass over the chosen roots."""

    def __init__(
        self, services: Services, access: Access, source: LayoutReader, contents: LayoutContents, *, blobs: BlobImport
    ) -> None:
        self._services = services
        self._access = access
        self._source = source
        self._contents = contents
        self._blobs = blobs
        self._done: set[Digest] = set()
        self._taken: set[Digest] = set()

    async def run(self, roots: Sequence[_Root]) -> Imported:
        """Import `roots`, one after the other."""
        all_of_them = self._with_referrers([root.digest for root in roots])
        await self._require_all(all_of_them)
        sizes = {blob.digest: blob.size for manifest in all_of_them for blob in manifest.blobs if blob.in_layout}
        imported = Imported(manifests=len(all_of_them), blobs=len(sizes), size=sum(sizes.values()))
        self._blobs.begin("copying", imported.size)
        for root in roots:
            for manifest in self._with_referrers([root.digest]):
                await self._push(manifest)
            for tag in root.tags:
                await tags.point(self._services, self._access, tag, root.digest)
                imported.tags[tag] = root.digest
        imported.untagged = await self._untagged(roots)
        await self._unlink_manifests()
        imported.copied, imported.copied_size = len(self._blobs.copied), self._blobs.copied_size
        return imported

    def _with_referrers(self, roots: list[Digest]) -> list[LayoutManifest]:
        """What `roots` consist of, and then what refers to any of that, directly or not; what is named comes first."""
        named = [*roots]
        while True:
            found = self._contents.closure(named)
            referrers = (self._contents.referrers.get(manifest.digest, ()) for manifest in found)
            more = [*dict.fromkeys([*named, *chain.from_iterable(referrers)])]
            if len(more) == len(named):
                return found
            named = more

    async def _require_all(self, manifests: Sequence[LayoutManifest]) -> None:
        """Refuse before anything is copied what could not be pushed in the end."""
        if self._services.settings.sparse_manifests:
            return
        inside = {manifest.digest for manifest in manifests}
        missing = [
            blob.digest
            for manifest in manifests
            for blob in manifest.blobs
            if blob.required and not blob.in_layout and not await self._blobs.is_held(blob.digest)
        ]
        missing += [
            child
            for manifest in manifests
            for child in manifest.children
            if child not in inside and not await self._has_manifest(child)
        ]
        if missing:
            raise ManifestBlobUnknown(self._access.repository, tuple(dict.fromkeys(missing)))

    async def _has_manifest(self, digest: Digest) -> bool:
        try:
            await pull.manifest(self._services, self._access, digest)
        except ManifestUnknown:
            return False
        return True

    async def _push(self, manifest: LayoutManifest) -> None:
        if manifest.digest in self._done:
            return
        for blob in manifest.blobs:
            if not blob.in_layout:
                # Another repository may have it.
                await self._blobs.is_held(blob.digest)
        wanted = {
            blob.digest: blob.size for blob in manifest.blobs if blob.in_layout and blob.digest not in self._taken
        }
        await self._blobs.take_all(wanted, self._source.chunks)
        self._taken.update(wanted)
        content = await layout_contents.manifest_content(
            self._source, manifest.digest, manifest.size, self._services.settings.manifest_bytes
        )
        await push.manifest(self._services, self._access, manifest.digest, content, content_type=manifest.media_type)
        self._done.add(manifest.digest)

    async def _untagged(self, roots: Sequence[_Root]) -> list[Digest]:
        """The roots that no tag leads to, be it by an index that lists them or by what they refer to."""
        reached = {manifest.digest for manifest in self._with_referrers([root.digest for root in roots if root.tags])}
        loose = [self._contents.manifests[root.digest] for root in roots if root.digest not in reached]
        # What refers to an image that was here before stays with that.
        return [
            manifest.digest
            for manifest in loose
            if manifest.subject is None or not await self._has_manifest(manifest.subject)
        ]

    async def _unlink_manifests(self) -> None:
        """Let go of the blobs as which a stream's manifests were taken, before it was known what they are."""
        for digest in self._done & self._blobs.copied:
            with suppress(BlobUnknown):
                await deletion.blob(self._services, self._access, digest)


def _chosen(contents: LayoutContents, choice: Choice) -> list[_Root]:
    """The entries to import, each digest once, with the tags that they get."""
    own: dict[Digest, list[Tag]] = {}
    for entry in contents.entries:
        listed = own.setdefault(entry.descriptor.digest, [])
        if entry.tag is not None and (not choice.tags or entry.tag in choice.tags):
            listed.append(entry.tag)
    known = {entry.tag for entry in contents.entries if entry.tag is not None}
    for tag in choice.tags:
        if tag not in known:
            raise ImageLayoutInvalid(f"nothing in the layout has the tag {tag}; {_told(known)}")
    if choice.tags:
        own = {digest: listed for digest, listed in own.items() if listed}
    if choice.renamed is not None:
        own = {_only(contents, own, choice.renamed): [choice.renamed]}
    for digest in own:
        if digest not in contents.manifests:
            raise ImageLayoutInvalid(f"the layout lists {digest}, and has no such manifest")
    return [_Root(digest, tuple(dict.fromkeys(listed))) for digest, listed in own.items()]


def _only(contents: LayoutContents, own: dict[Digest, list[Tag]], tag: Tag) -> Digest:
    """The one entry that can be meant when there is one tag to give: the only one, or the one that has it already."""
    # Some programs list parts of an index, and what refers to an image, beside these; but without tags.
    parts = {child for manifest in contents.manifests.values() for child in manifest.children}
    parts |= {digest for digest, manifest in contents.manifests.items() if manifest.subject is not None}
    images = [digest for digest, listed in own.items() if listed or digest not in parts]
    named = [digest for digest, listed in own.items() if tag in listed]
    if len(images) != 1 and len(named) != 1:
        known = {each for listed in own.values() for each in listed}
        raise ImageLayoutInvalid(f"the layout holds {len(images)} images, and one tag is for one; {_told(known)}")
    return images[0] if len(images) == 1 else named[0]


def _told(known: set[Tag]) -> str:
    return f"its tags: {', '.join(map(str, sorted(known)))}" if known else "it has no tags"
