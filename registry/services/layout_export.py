"""A repository, or some of its tags, into an image layout.

Everything that goes into the layout is leased while it is written, so that a collection beside the export takes none of
it away; and every byte is compared with its digest on the way out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import LayoutEntry
from oci_spec.manifest import Manifest, parse_manifest
from oci_spec.media_types import MANIFEST_TYPES, OCI_INDEX
from oci_spec.reference import Reference, Tag, fallback_tag
from registry import limits
from registry.auth.access import Access
from registry.errors import BlobUnknown, DigestMismatch, ManifestUnknown
from registry.metadata.rows import LinkedBlob
from registry.services import lease_keeping, pull, referrers, tags
from registry.services.context import Services
from registry.services.progress import Progress, Unit, Watcher, unwatched
from registry.services.push import is_required
from storage_backends import errors as storage
from storage_backends.layouts.contract import LayoutWriter

_LOOKED_UP_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Selection:
    """What to export: the given tags and digests, or all tags; with what refers to them, or without."""

    references: tuple[Reference, ...] = ()
    with_referrers: bool = True


@dataclass(slots=True)
class Exported:
    """What is in the layout: the tags, how many manifests and blobs, their bytes, and how much of it is new there."""

    tags: dict[Tag, Digest] = field(default_factory=dict)
    manifests: int = 0
    blobs: int = 0
    size: int = 0
    copied: int = 0
    copied_size: int = 0
    absent: int = 0
    """How much is named in manifests and not in the repository, where that is allowed."""


async def export(
    services: Services, access: Access, selection: Selection, target: LayoutWriter, *, progress: Watcher = unwatched
) -> Exported:
    """Write what `selection` names into `target`, and finish it.

    Raises:
        RepositoryUnknown, ManifestUnknown: what is asked for is not there.
        BlobUnknown: a manifest names bytes that the repository lost or never had.
        DigestMismatch: stored bytes are corrupt.
        ImageLayoutInvalid: it is more than one layout can list.
    """
    async with lease_keeping.kept(services, access):
        plan = _Plan(services, access, progress)
        await plan.make(selection)
        if len(plan.entries) > limits.LAYOUT_ENTRIES:
            raise ImageLayoutInvalid(f"one layout lists at most {limits.LAYOUT_ENTRIES} entries; export fewer tags")
        exported = await _Copy(services, access, plan, target, progress=progress).run()
        await target.finish(plan.entries)
    return exported


class _Plan:
    """What is to be written, found and leased by following manifests from where the selection begins."""

    def __init__(self, services: Services, access: Access, progress: Watcher) -> None:
        self.entries: list[LayoutEntry] = []
        self.tags: dict[Tag, Digest] = {}
        self.manifests: dict[Digest, int] = {}
        self.blobs: dict[Digest, LinkedBlob] = {}
        self.lists: dict[Digest, bytes] = {}
        self.absent: set[Digest] = set()
        self._services = services
        self._access = access
        self._progress = progress

    async def make(self, selection: Selection) -> None:
        """Find everything."""
        async for reference in self._references(selection):
            try:
                await self._add(reference)
            except ManifestUnknown:
                # A tag that was listed a moment ago may be gone by now; one that was asked for must be there.
                if selection.references:
                    raise
        if selection.with_referrers:
            await self._add_referrers()

    async def _references(self, selection: Selection) -> AsyncIterator[Reference]:
        for reference in selection.references:
            yield reference
        last: Tag | None = None
        while not selection.references:
            page = await tags.page(self._services, self._access, None, last)
            for name in page.names:
                last = Tag.parse(name)
                yield last
            if not page.more:
                return

    async def _add(self, reference: Reference) -> None:
        named = await pull.manifest(self._services, self._access, reference)
        await self._follow(named.digest)
        tag = reference if isinstance(reference, Tag) else None
        if tag is not None:
            self.tags[tag] = named.digest
        self.entries.append(LayoutEntry(Descriptor(named.media_type, named.digest, named.size), tag))

    async def _follow(self, root: Digest) -> list[Digest]:
        """Add a manifest and all that it consists of, asking by digest, which leases it; those that are new."""
        unread, added = [root], list[Digest]()
        while unread:
            digest = unread.pop()
            if digest in self.manifests:
                continue
            try:
                found = await pull.manifest(self._services, self._access, digest)
            except ManifestUnknown as error:
                if digest == root:
                    raise
                self._let_be_absent(digest, error)
                continue
            manifest = await asyncio.to_thread(parse_manifest, found.content, found.media_type)
            await self._add_blobs(manifest)
            self.manifests[digest] = found.size
            added.append(digest)
            self._progress(Progress("looking up", len(self.manifests), None))
            unread += [child.digest for child in manifest.manifests if child.media_type in MANIFEST_TYPES]
        return added

    async def _add_blobs(self, manifest: Manifest) -> None:
        config = (manifest.config,) if manifest.config is not None else ()
        listed = (child for child in manifest.manifests if child.media_type not in MANIFEST_TYPES)
        wanted = {blob.digest: blob for blob in (*config, *manifest.layers, *listed) if blob.digest not in self.blobs}
        for some in _parts(list(wanted.values()), _LOOKED_UP_AT_ONCE):
            await asyncio.gather(*map(self._add_blob, some))

    async def _add_blob(self, blob: Descriptor) -> None:
        try:
            self.blobs[blob.digest] = await pull.blob(self._services, self._access, blob.digest)
        except BlobUnknown as error:
            if is_required(blob):
                self._let_be_absent(blob.digest, error)
            else:
                self.absent.add(blob.digest)

    def _let_be_absent(self, digest: Digest, error: BlobUnknown | ManifestUnknown) -> None:
        if not self._services.settings.sparse_manifests:
            raise error
        self.absent.add(digest)

    async def _add_referrers(self) -> None:
        """Add what refers to the manifests, and what refers to that.

        Each is listed by its digest alone, where oras looks for it, and in a list under its subject's fallback tag,
        where regctl does.
        """
        unasked = list(self.manifests)
        named = {entry.descriptor.digest for entry in self.entries}
        while unasked:
            async for referrer in self._referrers(unasked.pop()):
                if referrer.digest not in named:
                    named.add(referrer.digest)
                    unasked += await self._follow(referrer.digest)
                    self.entries.append(LayoutEntry(referrer))

    async def _referrers(self, subject: Digest) -> AsyncIterator[Descriptor]:
        page = await referrers.page(self._services, self._access, subject)
        found = parse_manifest(page.content, OCI_INDEX).manifests
        # A list of more than a page is longer than clients read.
        if found and page.after is None:
            self._add_list(page.content, fallback_tag(subject))
        for referrer in found:
            yield referrer
        while page.after is not None:
            page = await referrers.page(self._services, self._access, subject, after=page.after)
            for referrer in parse_manifest(page.content, OCI_INDEX).manifests:
                yield referrer

    def _add_list(self, content: bytes, tag: Tag) -> None:
        # Clients without the referrers API may have made one in the repository.
        if tag not in self.tags:
            digest = Digest.of(content)
            self.lists[digest] = content
            self.entries.append(LayoutEntry(Descriptor(OCI_INDEX, digest, len(content)), tag))


class _Copy:
    """One pass over what a plan holds, blobs before the manifests that name them."""

    def __init__(
        self, services: Services, access: Access, plan: _Plan, target: LayoutWriter, *, progress: Watcher
    ) -> None:
        self._services = services
        self._access = access
        self._plan = plan
        self._target = target
        self._progress = progress
        # An index may list a manifest as if it were a blob; it is written once all the same.
        self._manifests = {digest: size for digest, size in plan.manifests.items() if digest not in plan.blobs}
        sizes = (
            *self._manifests.values(),
            *map(len, plan.lists.values()),
            *(blob.size for blob in plan.blobs.values()),
        )
        self._total = sum(sizes)
        self._done = 0
        self._exported = Exported(
            tags=plan.tags,
            manifests=len(plan.manifests),
            blobs=len(plan.blobs),
            size=self._total,
            absent=len(plan.absent),
        )

    async def run(self) -> Exported:
        """Write what the target does not hold yet."""
        self._note(0)
        for blob in self._plan.blobs.values():
            if not await self._is_there(blob.digest, blob.size):
                async with await pull.open_blob(self._services, self._access, blob) as reader:
                    await self._put(blob.digest, blob.size, reader.chunks(0, reader.size))
        for digest, size in self._manifests.items():
            if not await self._is_there(digest, size):
                await self._put(digest, size, self._manifest(digest))
        for digest, content in self._plan.lists.items():
            if not await self._is_there(digest, len(content)):
                await self._put(digest, len(content), _only(content))
        return self._exported

    async def _is_there(self, digest: Digest, size: int) -> bool:
        if not await self._target.holds(digest, size):
            return False
        self._note(size)
        return True

    async def _put(self, digest: Digest, size: int, chunks: AsyncIterator[bytes]) -> None:
        try:
            await self._target.put(digest, size, self._counted(chunks))
        except storage.DigestMismatch as mismatch:
            raise DigestMismatch(mismatch.expected, mismatch.actual) from mismatch
        self._exported.copied += 1
        self._exported.copied_size += size

    async def _manifest(self, digest: Digest) -> AsyncIterator[bytes]:
        yield (await pull.manifest(self._services, self._access, digest)).content

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
            self._note(len(chunk))

    def _note(self, size: int) -> None:
        self._done += size
        self._progress(Progress("copying", self._done, self._total, Unit.BYTES))


async def _only(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _parts(items: list[Descriptor], size: int) -> Iterable[list[Descriptor]]:
    return (items[start : start + size] for start in range(0, len(items), size))
