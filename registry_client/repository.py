"""One repository of a registry: what can be read from it, and written to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.manifest import parse_manifest
from oci_spec.reference import Reference, RepositoryName, Tag
from registry_client import blobs, deletion, lists, manifests, referrers, uploads
from registry_client.manifests import FetchedManifest
from registry_client.progress import Progress
from registry_client.sources import Source
from registry_client.transport import Transport
from registry_client.uploads import Outcome, Push


class Repository:
    """The repository `name`, by the way of `transport`. It holds nothing, and many tasks may use it.

    Each method raises what the function of the module beside it does; see there.
    """

    def __init__(self, transport: Transport, name: RepositoryName) -> None:
        self.name = name
        self._transport = transport

    async def resolve(self, reference: Reference) -> Descriptor:
        """What a tag or digest names (see `manifests`)."""
        return await manifests.resolve(self._transport, self.name, reference)

    async def manifest(self, reference: Reference) -> FetchedManifest:
        """The manifest that a tag or digest names (see `manifests`)."""
        return await manifests.fetch(self._transport, self.name, reference)

    async def push_manifest(self, reference: Reference, content: bytes, media_type: str) -> Digest:
        """Store a manifest under a tag or its digest; its digest (see `manifests`).

        One that has a subject is listed among its referrers afterwards, on registries without the referrers API too.

        Raises:
            ManifestInvalid: it is no manifest of that type; nothing was sent.
        """
        manifest = parse_manifest(content, media_type)
        pushed = await manifests.push(self._transport, self.name, reference, content, media_type=media_type)
        if manifest.subject is not None and pushed.subject is None:
            referrer = Descriptor(
                manifest.media_type,
                pushed.digest,
                len(content),
                annotations=manifest.annotations,
                artifact_type=manifest.referrer_artifact_type,
            )
            await referrers.record(self._transport, self.name, manifest.subject.digest, referrer)
        return pushed.digest

    async def find_blob(self, digest: Digest) -> int | None:
        """The size of a blob, or None if it is not there (see `blobs`)."""
        return await blobs.find(self._transport, self.name, digest)

    def blob(self, digest: Digest, size: int | None = None, progress: Progress | None = None) -> AsyncGenerator[bytes]:
        """A blob's bytes, verified at the end (see `blobs`)."""
        return blobs.read(self._transport, self.name, digest, size=size, progress=progress)

    def rest_of_blob(
        self, digest: Digest, start: int, size: int | None = None, progress: Progress | None = None
    ) -> AsyncGenerator[bytes]:
        """A blob's bytes from `start` on, which nobody has verified (see `blobs`)."""
        return blobs.read_rest(self._transport, self.name, digest, start, size=size, progress=progress)

    async def push_blob(
        self,
        digest: Digest,
        source: Source,
        *,
        mount_from: RepositoryName | None = None,
        chunk_bytes: int | None = None,
        progress: Progress | None = None,
    ) -> Outcome:
        """Bring a blob into the repository: it is there, or can be mounted, or is uploaded (see `uploads`)."""
        if await self.find_blob(digest) is not None:
            return Outcome.PRESENT
        wanted = Push(self.name, digest, source, mount_from, chunk_bytes, progress)
        return await uploads.push(self._transport, wanted)

    def tags(self) -> AsyncGenerator[Tag]:
        """All tags (see `lists`)."""
        return lists.tags(self._transport, self.name)

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> AsyncGenerator[Descriptor]:
        """What refers to a manifest (see `referrers`)."""
        return referrers.referrers(self._transport, self.name, subject, artifact_type)

    async def delete_manifest(self, reference: Reference) -> None:
        """Delete a manifest with its tags, or one tag (see `deletion`)."""
        await deletion.delete_manifest(self._transport, self.name, reference)

    async def delete_blob(self, digest: Digest) -> None:
        """Delete a blob from the repository (see `deletion`)."""
        await deletion.delete_blob(self._transport, self.name, digest)
