"""All that a distribution registry has, into this one, by the same steps as pushes.

Each repository comes with its manifests from the inside out, and then its tags. What is here already is not copied: an
import that was interrupted, or one that follows a registry which still takes pushes, is simply repeated. What cannot be
taken is told of, and the rest comes all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from oci_spec.digest import Digest
from oci_spec.errors import OciSpecError
from oci_spec.reference import RepositoryName, Tag
from registry.auth.access import Access, grant
from registry.auth.permission import Permission
from registry.auth.subject import Subject
from registry.errors import TagProtected
from registry.services import lease_keeping, tags
from registry.services.blob_import import BlobImport
from registry.services.context import Services
from registry.services.distribution_manifests import Manifests
from registry.services.progress import Progress, Watcher, unwatched
from storage_backends.distribution.data import DistributionData

# Each waits for disks most of the time; the database's transactions are shared by those that wait together.
_REPOSITORIES_AT_ONCE = 4


class Kind(StrEnum):
    """What can be taken over, or not."""

    REPOSITORY = "repository"
    MANIFEST = "manifest"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Something that stays behind; `name` is a digest or a tag, empty for a whole repository."""

    kind: Kind
    repository: str
    name: str
    reason: str


@dataclass(slots=True)
class Imported:
    """How much of the source is here now, and how much of that is new; `untagged` is collected unless it is kept."""

    repositories: int = 0
    manifests: int = 0
    tags: int = 0
    untagged: int = 0
    copied: int = 0
    copied_size: int = 0
    not_taken: int = 0


async def import_all(
    services: Services,
    subject: Subject,
    source: DistributionData,
    *,
    told: Callable[[NotTaken], None],
    progress: Watcher = unwatched,
) -> Imported:
    """Bring all repositories of `source` here, for `subject`; `told` learns of what stays behind.

    Raises:
        Denied: `subject` may not push.
        SourceUnreadable: the source cannot be listed.
    """
    work = _Import(services, source, told, progress)
    names = iter(await work.look())

    async def take_some() -> None:
        for text in names:
            name = work.named(text)
            if name is not None:
                # A push asks for both: what is here already is not sent again.
                await grant(services.policy, subject, Permission.PULL, name)
                await work.repository(await grant(services.policy, subject, Permission.PUSH, name))

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_REPOSITORIES_AT_ONCE):
                tasks.create_task(take_some())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return work.imported


class _Import:
    """What all repositories have in common: the source, the sums, and how far all of it has come."""

    def __init__(
        self,
        services: Services,
        source: DistributionData,
        told: Callable[[NotTaken], None],
        progress: Watcher,
    ) -> None:
        self.imported = Imported()
        self._services = services
        self._source = source
        self._told = told
        self._progress = progress
        self._done = 0
        self._total = 0

    async def look(self) -> list[str]:
        """The names of all repositories, once all that is to be taken is counted."""
        names = []
        async for name in self._source.repositories():
            names.append(name)
            self._total += len(await self._source.revisions(name))
            self._progress(Progress("looking for manifests", self._total, None))
        return names

    def named(self, text: str) -> RepositoryName | None:
        """The repository's name, if it can have one here."""
        try:
            return RepositoryName.parse(text)
        except OciSpecError as error:
            self._leave(Kind.REPOSITORY, text, "", str(error))
            return None

    async def repository(self, access: Access) -> None:
        """All manifests and tags of one repository."""
        name = str(access.repository)
        async with lease_keeping.kept(self._services, access):
            blobs = BlobImport(self._services, access, unwatched)
            manifests = Manifests(self._services, self._source, access, blobs)

            def decided(digest: Digest) -> None:
                if digest in manifests.refused:
                    self._leave(Kind.MANIFEST, name, str(digest), manifests.refused[digest])
                self._done += 1
                self._progress(Progress("manifests", self._done, self._total))

            await manifests.take_all(await self._source.revisions(name), decided)
            tagged = await self._tags(access, manifests)
        self.imported.repositories += bool(manifests.taken)
        self.imported.manifests += len(manifests.taken)
        self.imported.untagged += len(manifests.loose() - tagged)
        self.imported.copied += len(blobs.copied)
        self.imported.copied_size += blobs.copied_size

    async def _tags(self, access: Access, manifests: Manifests) -> set[Digest]:
        name, tagged = str(access.repository), set[Digest]()
        async for link in self._source.tags(name):
            if link.digest is None:
                self._leave(Kind.TAG, name, link.tag, "its link holds no digest")
            elif link.digest not in manifests.taken:
                reason = "was not taken" if link.digest in manifests.refused else "is not in the repository"
                self._leave(Kind.TAG, name, link.tag, f"its manifest {link.digest} {reason}")
            else:
                try:
                    await tags.point(self._services, access, Tag.parse(link.tag), link.digest)
                except (OciSpecError, TagProtected) as error:
                    self._leave(Kind.TAG, name, link.tag, str(error))
                    continue
                self.imported.tags += 1
                tagged.add(link.digest)
        return tagged

    def _leave(self, kind: Kind, repository: str, name: str, reason: str) -> None:
        self.imported.not_taken += 1
        self._told(NotTaken(kind, repository, name, reason))
