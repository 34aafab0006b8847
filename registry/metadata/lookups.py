"""The few single-row questions that every pull asks, run on the driver itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oci_spec.digest import Digest
    from oci_spec.reference import RepositoryName, Tag
    from registry.metadata.rows import LinkedBlob, StoredManifest, Upload


class Lookups(ABC):
    """Indexed questions about one row, each answered with what was committed last on any worker or node.

    Every method raises `DatabaseUnavailable` or `DatabaseBusy` when the database does not answer.
    """

    @abstractmethod
    async def manifest_by_tag(self, repository: RepositoryName, tag: Tag) -> StoredManifest | None:
        """Give the manifest that `tag` names now, or None."""

    @abstractmethod
    async def manifest_by_digest(self, repository: RepositoryName, digest: Digest) -> StoredManifest | None:
        """Give the manifest with this digest if the repository holds it."""

    @abstractmethod
    async def tag_digest(self, repository: RepositoryName, tag: Tag) -> Digest | None:
        """Give the digest that `tag` names now, or None."""

    @abstractmethod
    async def linked_blob(self, repository: RepositoryName, digest: Digest) -> LinkedBlob | None:
        """Give the blob with this digest if the repository links it."""

    @abstractmethod
    async def upload(self, upload_id: str) -> Upload | None:
        """Give the upload session as its last accepted request left it, or None."""
