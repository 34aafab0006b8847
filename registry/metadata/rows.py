"""The values that the metadata database gives and takes.

They are plain frozen values: reading one never reaches back to the database, and importing this module loads no
database library. Times are aware UTC datetimes, sizes are bytes, `id` fields are the tables' own keys.

msgspec's structs are declared thirty times as fast as data classes, which every start does, and made six times as fast.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.descriptor import Platform
    from oci_spec.digest import Digest
    from oci_spec.manifest import ManifestKind
    from oci_spec.reference import RepositoryName, Tag


NEVER = datetime.fromtimestamp(0, UTC)
"""What a time that has not come yet counts as in a sorted listing: before every other."""


class BlobState(StrEnum):
    """What is known about the stored bytes of a blob."""

    PRESENT = "present"
    SUSPECT = "suspect"
    """The stored copy was seen missing or cut short; the next push of the same bytes replaces it."""
    CORRUPT = "corrupt"
    """The stored copy was read and has another digest; as if absent, until a push replaces it."""


class ReferenceRole(StrEnum):
    """What a manifest uses a referenced descriptor for."""

    CONFIG = "config"
    LAYER = "layer"
    MANIFEST = "manifest"


class Visibility(StrEnum):
    """Who may pull from a repository without a grant."""

    PRIVATE = "private"
    PUBLIC = "public"


class Direction(StrEnum):
    """Which end of a sorted listing comes first."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class RepositorySort(StrEnum):
    """What a search for repositories is sorted by; the name decides between equals."""

    NAME = "name"
    CREATED = "created"
    UPDATED = "updated"
    PULLS = "pulls"


class TagSort(StrEnum):
    """What a page of tag details is sorted by; the name decides between equals."""

    NAME = "name"
    PUSHED = "pushed"
    PULLED = "pulled"
    PULLS = "pulls"
    SIZE = "size"


class Position(msgspec.Struct, frozen=True):
    """Where a page of a sorted listing ends: what its last entry is sorted by, and that entry's name.

    A listing goes on after it in the same order, whatever came or went meanwhile.
    """

    key: str | int | datetime
    name: str


class Repository(msgspec.Struct, frozen=True):
    """A repository that exists: something was pushed to it."""

    id: int
    name: RepositoryName
    created_at: datetime
    updated_at: datetime


class RepositorySearch(msgspec.Struct, frozen=True):
    """Which repositories to find: `text` is looked for anywhere in the name, ignoring case."""

    limit: int
    after: Position | None = None
    text: str = ""
    sort: RepositorySort = RepositorySort.NAME
    direction: Direction = Direction.ASCENDING


class RepositorySummary(msgspec.Struct, frozen=True):
    """A repository as a listing shows it; `tags` counts the tags that exist now.

    `opening` is where its description begins, as much as `limits.DESCRIPTION_OPENING_CHARACTERS`.
    """

    id: int
    name: RepositoryName
    created_at: datetime
    updated_at: datetime
    tags: int
    visibility: Visibility
    opening: str
    pulls: int
    pulled_at: datetime | None

    def position(self, sort: RepositorySort) -> Position:
        """Give the place of this repository in a listing sorted by `sort`."""
        keys: dict[RepositorySort, datetime | int] = {
            RepositorySort.CREATED: self.created_at,
            RepositorySort.UPDATED: self.updated_at,
            RepositorySort.PULLS: self.pulls,
        }
        return Position(keys.get(sort, str(self.name)), str(self.name))


class Blob(msgspec.Struct, frozen=True):
    """The one row of a digest whose bytes are stored, whatever repositories link it."""

    id: int
    digest: Digest
    size: int
    key: str
    state: BlobState
    created_at: datetime


class VerifiableBlob(msgspec.Struct, frozen=True):
    """A blob whose bytes, found under `key`, can be compared with its digest."""

    id: int
    digest: Digest
    size: int
    key: str


class LinkedBlob(msgspec.Struct, frozen=True):
    """A blob as one repository holds it; until `lease_until` nothing may collect it there."""

    repository_id: int
    blob_id: int
    digest: Digest
    size: int
    key: str
    lease_until: datetime
    state: BlobState


class ManifestReference(msgspec.Struct, frozen=True):
    """One descriptor that a manifest holds; `present` says whether it was in the repository at the push."""

    role: ReferenceRole
    digest: Digest
    media_type: str
    size: int
    platform: Platform | None
    present: bool


class ManifestEntry(msgspec.Struct, frozen=True):
    """One descriptor of a stored manifest and, if it names another manifest of the same repository, what that one is.

    `manifest_id`, `kind`, `artifact_type` and `config_media_type` are those of the named manifest; the first two are
    None for a blob and for a manifest that is not there (any more).
    """

    parent_id: int
    role: ReferenceRole
    digest: Digest
    media_type: str
    size: int
    platform: Platform | None
    manifest_id: int | None
    kind: ManifestKind | None
    artifact_type: str | None
    config_media_type: str | None


class NewManifest(msgspec.Struct, frozen=True):
    """A manifest to be stored: the exact pushed bytes and what was read out of them, references in their order."""

    digest: Digest
    media_type: str
    kind: ManifestKind
    content: bytes
    artifact_type: str | None
    config_media_type: str | None
    subject: Digest | None
    annotations: Mapping[str, str] | None
    references: tuple[ManifestReference, ...]
    pushed_at: datetime
    pushed_by: str


class ManifestRow(msgspec.Struct, frozen=True):
    """What is known about a stored manifest, without its bytes; `size` counts the manifest's own bytes."""

    id: int
    repository_id: int
    digest: Digest
    media_type: str
    kind: ManifestKind
    artifact_type: str | None
    config_media_type: str | None
    subject: Digest | None
    annotations: dict[str, str] | None
    size: int
    pushed_at: datetime
    pushed_by: str
    pulled_at: datetime | None


class StoredManifest(msgspec.Struct, frozen=True):
    """The exact bytes of a manifest and what an answer needs beside them; `tag_id` is None when asked by digest.

    `lease_until` is looked up only by digest: until then nothing may collect the manifest. None: it has no lease.
    """

    manifest_id: int
    repository_id: int
    tag_id: int | None
    digest: Digest
    media_type: str
    size: int
    content: bytes
    lease_until: datetime | None = None


class Referrer(msgspec.Struct, frozen=True):
    """What the referrers listing tells of one manifest (distribution-spec, "Listing Referrers")."""

    digest: Digest
    media_type: str
    size: int
    artifact_type: str | None
    annotations: dict[str, str] | None


class TagRow(msgspec.Struct, frozen=True):
    """What a tag named during one interval; `valid_until` and `ended_by` are None while it still does."""

    id: int
    repository_id: int
    name: Tag
    digest: Digest
    valid_from: datetime
    valid_until: datetime | None
    actor: str
    ended_by: str | None
    pulled_at: datetime | None


class Protection(msgspec.Struct, frozen=True):
    """Tags that cannot be moved or removed: one by its name, or all that fit a pattern with `*`."""

    pattern: str
    created_at: datetime
    created_by: str


class TagSearch(msgspec.Struct, frozen=True):
    """Which tags of a repository to describe: `text` is looked for anywhere in the name, ignoring case."""

    limit: int
    after: Position | None = None
    text: str = ""
    sort: TagSort = TagSort.NAME
    direction: Direction = Direction.ASCENDING


class TagDetail(msgspec.Struct, frozen=True):
    """A tag that exists now and the manifest it names.

    `size` adds the manifest, its config and its layers; for an index those of the children that are in the repository.
    `pulls` counts all pulls by this name, whatever it named then; `pulled_at` tells of what it names now.
    """

    name: Tag
    manifest_id: int
    digest: Digest
    media_type: str
    kind: ManifestKind
    artifact_type: str | None
    config_media_type: str | None
    size: int
    pushed_at: datetime
    pushed_by: str
    pulled_at: datetime | None
    pulls: int

    def position(self, sort: TagSort) -> Position:
        """Give the place of this tag in a listing sorted by `sort`."""
        keys: dict[TagSort, datetime | int] = {
            TagSort.PUSHED: self.pushed_at,
            TagSort.PULLED: self.pulled_at or NEVER,
            TagSort.PULLS: self.pulls,
            TagSort.SIZE: self.size,
        }
        return Position(keys.get(sort, str(self.name)), str(self.name))


class Upload(msgspec.Struct, frozen=True):
    """An upload session: whose it is, and how far its bytes and their running hash have come.

    `repository` is a name, not a row: starting an upload must not make a repository exist.
    """

    id: str
    repository: RepositoryName
    subject: str
    algorithm: str
    key: str
    offset: int
    hash_state: bytes
    backend_state: bytes
    tail: bytes
    version: int
    started_at: datetime
    updated_at: datetime
    expires_at: datetime


class UploadProgress(msgspec.Struct, frozen=True):
    """What one accepted request changes in an upload session."""

    algorithm: str
    offset: int
    hash_state: bytes
    backend_state: bytes
    tail: bytes


class JobLease(msgspec.Struct, frozen=True):
    """Who holds a job, or held it last: until when, and by which token."""

    owner: str
    until: datetime
    token: int


class UploadHold(msgspec.Struct, frozen=True):
    """Who holds an upload, or held it last and died: until when, and by which token."""

    owner: str
    token: str
    until: datetime


class NamedLease(msgspec.Struct, frozen=True):
    """A job's lease as its last holder left it."""

    name: str
    owner: str
    until: datetime


class Backlog(msgspec.Struct, frozen=True):
    """How many changes wait to be written behind, and since when the oldest does; None when none waits."""

    waiting: int
    oldest: datetime | None


class Usage(msgspec.Struct, frozen=True):
    """How many blobs there are, each counted once, and their `size` in bytes together."""

    blobs: int
    size: int


class OutboxEvent(msgspec.Struct, frozen=True):
    """A change that was committed and waits to be written behind, or has been when `indexed_at` is set."""

    id: int
    kind: str
    payload: dict[str, Any]
    created_at: datetime
    indexed_at: datetime | None


class Secret(msgspec.Struct, frozen=True):
    """A server secret; a retired one still proves what was signed before, but signs nothing new."""

    id: int
    purpose: str
    key_id: str
    material: bytes
    created_at: datetime
    retired_at: datetime | None

    def __repr__(self) -> str:
        """Name the key without its material, which must never reach a log."""
        return f"Secret(purpose={self.purpose!r}, key_id={self.key_id!r})"


class Pull(msgspec.Struct, frozen=True):
    """One manifest that was pulled, last at `pulled_at`; `tag_id` is None when it was asked for by digest."""

    manifest_id: int
    tag_id: int | None
    pulled_at: datetime
    times: int = 1
