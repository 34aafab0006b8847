"""The manifests of one repository of a distribution registry, into the same repository here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from enum import Enum, auto

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.errors import OciSpecError
from oci_spec.manifest import Manifest, parse_manifest
from oci_spec.media_types import MANIFEST_TYPES
from registry.auth.access import Access
from registry.errors import BlobTooLarge, DigestMismatch, ManifestBlobUnknown, ManifestTooLarge, ManifestUnknown
from registry.services import pull, push
from registry.services.blob_import import BlobImport
from registry.services.context import Services
from storage_backends.distribution.data import DistributionData
from storage_backends.errors import SourceUnreadable

_REFUSALS = (OciSpecError, BlobTooLarge, DigestMismatch, ManifestBlobUnknown, ManifestTooLarge, SourceUnreadable)


class _Fate(Enum):
    TAKEN = auto()
    REFUSED = auto()
    ABSENT = auto()
    """The source names it and has deleted it."""
    WAITS = auto()
    """It lists manifests about which nothing is decided yet."""


class Manifests:
    """What of a repository was taken, and why the rest was not."""

    def __init__(self, services: Services, source: DistributionData, access: Access, blobs: BlobImport) -> None:
        self.taken: set[Digest] = set()
        self.refused: dict[Digest, str] = {}
        self._services = services
        self._source = source
        self._access = access
        self._blobs = blobs
        self._kept: set[Digest] = set()
        self._undecided: set[Digest] = set()

    async def take_all(self, digests: Iterable[Digest], decided: Callable[[Digest], None]) -> None:
        """Take every manifest, after those that it lists; `decided` learns of each what became of it."""
        waiting = [*digests]
        self._undecided.update(waiting)
        # No manifest can list itself, not by way of others either: each round decides some.
        while waiting:
            digests, waiting = waiting, []
            for digest in digests:
                if await self._fate(digest) is _Fate.WAITS:
                    waiting.append(digest)
                else:
                    self._undecided.discard(digest)
                    decided(digest)

    def loose(self) -> set[Digest]:
        """What was taken, is listed by nothing and refers to nothing."""
        return self.taken - self._kept

    async def _fate(self, digest: Digest) -> _Fate:
        try:
            if not await self._source.holds(str(self._access.repository), digest):
                return _Fate.ABSENT
            content = await self._content(digest)
            manifest = await asyncio.to_thread(_parsed, content, digest)
            if any(child.digest in self._undecided for child in manifest.manifests):
                return _Fate.WAITS
            await self._take(digest, manifest, content)
        except _REFUSALS as error:
            self.refused[digest] = _reason(error)
            return _Fate.REFUSED
        self.taken.add(digest)
        self._kept.update(child.digest for child in manifest.manifests)
        if manifest.subject is not None:
            self._kept.add(digest)
        return _Fate.TAKEN

    async def _content(self, digest: Digest) -> bytes:
        limit = self._services.settings.manifest_bytes
        content = await self._source.content(digest, limit + 1)
        if content is None:
            raise SourceUnreadable(str(digest), FileNotFoundError("its bytes are not there"))
        if len(content) > limit:
            raise ManifestTooLarge(limit)
        return content

    async def _take(self, digest: Digest, manifest: Manifest, content: bytes) -> None:
        if await self._is_here(digest):
            return
        wanted: dict[Digest, int] = {}
        missing: list[Digest] = []
        for descriptor, is_required in _blobs(manifest):
            size = await self._source.size(descriptor.digest)
            if size is not None:
                wanted[descriptor.digest] = size
            # Another repository here may have it.
            elif not await self._blobs.is_held(descriptor.digest) and is_required:
                missing.append(descriptor.digest)
        if missing and not self._services.settings.sparse_manifests:
            # Before anything is copied that would be for nothing.
            raise ManifestBlobUnknown(self._access.repository, missing)
        await self._blobs.take_all(wanted, self._source.chunks)
        await push.manifest(self._services, self._access, digest, content, content_type=None)

    async def _is_here(self, digest: Digest) -> bool:
        try:
            await pull.manifest(self._services, self._access, digest)
        except ManifestUnknown:
            return False
        return True


def _reason(error: Exception) -> str:
    if isinstance(error, ManifestBlobUnknown):
        return f"it names what is not there: {', '.join(map(str, error.missing))}"
    return str(error)


def _parsed(content: bytes, digest: Digest) -> Manifest:
    actual = Digest.of(content, digest.algorithm)
    if actual != digest:
        raise DigestMismatch(digest, actual)
    return parse_manifest(content, None)


def _blobs(manifest: Manifest) -> Iterable[tuple[Descriptor, bool]]:
    """The blobs that a manifest names, and whether it cannot be without them."""
    if manifest.config is not None:
        yield manifest.config, True
    for layer in manifest.layers:
        yield layer, push.is_required(layer)
    for child in manifest.manifests:
        # What an index lists and is no manifest is a blob, such as the layers of old BuildKit caches.
        if child.media_type not in MANIFEST_TYPES:
            yield child, True
