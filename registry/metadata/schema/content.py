"""The tables of what the registry holds: repositories, blobs, manifests, tags, uploads, and the work on them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from registry.metadata.column_types import Algorithm, ByteOrdered, RowId, UtcTime
from registry.metadata.schema.naming import metadata
from registry.metadata.schema.partial import partial_index

namespace = Table(
    "namespace",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", ByteOrdered, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # `user` or `organisation`; what began to exist while everybody could push is an organisation without members.
    Column("kind", Text, nullable=False, server_default="organisation"),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

repository = Table(
    "repository",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("namespace_id", RowId, ForeignKey("namespace.id"), nullable=False),
    Column("name", ByteOrdered, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("visibility", Text, nullable=False, server_default="private"),
    # Where descriptions stood before revision 0005; empty since, for a later revision to remove.
    Column("description", Text, nullable=False, server_default=""),
    Column("pulls", BigInteger, nullable=False, server_default="0"),
    Column("pulled_at", UtcTime),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

# Every index of a listing ends with the name, which decides between equals.
Index("ix_repository_namespace_name", repository.c.namespace_id, repository.c.name)
Index("ix_repository_created", repository.c.created_at, repository.c.name)
Index("ix_repository_updated", repository.c.updated_at, repository.c.name)
Index("ix_repository_pulls", repository.c.pulls, repository.c.name)
# Very many have equally few pulls, so that those of one number cannot be sorted when they are listed.
Index("ix_repository_most_pulls", repository.c.pulls.desc(), repository.c.name)
partial_index(
    "ix_repository_public",
    repository.c.name,
    where=repository.c.visibility == "public",
)

# A table of its own: pulls are counted every few seconds, and SQLite would write all of the description each time.
repository_description = Table(
    "repository_description",
    metadata,
    Column("repository_id", RowId, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
    # Where it begins, in small letters as Python has them: those of SQLite are English ones.
    Column("searched", Text, nullable=False, server_default=""),
)

# The pieces of names and of where descriptions begin, see `registry.metadata.search_grams`. It follows no reference: an
# index by repository would double it, and ids are never given twice.
search_gram = Table(
    "search_gram",
    metadata,
    Column("gram", ByteOrdered, primary_key=True),
    Column("repository_id", RowId, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# The tags of a repository that cannot be moved or removed: a tag's name, or a pattern with `*`.
tag_protection = Table(
    "tag_protection",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("repository_id", RowId, ForeignKey("repository.id", ondelete="CASCADE"), nullable=False),
    Column("pattern", ByteOrdered, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("repository_id", "pattern"),
    sqlite_autoincrement=True,
)

# By name, not by interval: a tag that moves goes on counting.
tag_pulls = Table(
    "tag_pulls",
    metadata,
    Column("repository_id", RowId, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("name", ByteOrdered, primary_key=True),
    Column("pulls", BigInteger, nullable=False),
    Column("pulled_at", UtcTime),
)

blob = Table(
    "blob",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("algorithm", Algorithm, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("key", Text, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("verified_at", UtcTime),
    UniqueConstraint("algorithm", "digest"),
    sqlite_autoincrement=True,
)

link = Table(
    "link",
    metadata,
    Column("repository_id", RowId, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("blob_id", RowId, ForeignKey("blob.id"), primary_key=True, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("lease_until", UtcTime, nullable=False),
)

manifest = Table(
    "manifest",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("repository_id", RowId, ForeignKey("repository.id", ondelete="CASCADE"), nullable=False),
    Column("algorithm", Algorithm, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("artifact_type", Text),
    Column("config_media_type", Text),
    Column("subject_algorithm", Algorithm),
    Column("subject_digest", LargeBinary),
    Column("annotations", Text),
    Column("size", BigInteger, nullable=False),
    Column("pushed_at", UtcTime, nullable=False),
    Column("pushed_by", Text, nullable=False),
    Column("pulled_at", UtcTime),
    # Last, so that SQLite reads every other column without walking the overflow pages of a large manifest.
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("repository_id", "algorithm", "digest"),
    sqlite_autoincrement=True,
)

# Few manifests have a subject; the listing's order is the index's own.
partial_index(
    "ix_manifest_referrers",
    manifest.c.repository_id,
    manifest.c.subject_algorithm,
    manifest.c.subject_digest,
    manifest.c.algorithm,
    manifest.c.digest,
    where=manifest.c.subject_digest.is_not(None),
)

# A table of its own: a lease is renewed by pulls, and SQLite would write the manifest's whole row, content and all.
manifest_lease = Table(
    "manifest_lease",
    metadata,
    Column("manifest_id", RowId, ForeignKey("manifest.id", ondelete="CASCADE"), primary_key=True),
    Column("lease_until", UtcTime, nullable=False),
)

manifest_reference = Table(
    "manifest_reference",
    metadata,
    Column("manifest_id", RowId, ForeignKey("manifest.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("repository_id", RowId, nullable=False),
    Column("role", Text, nullable=False),
    Column("algorithm", Algorithm, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("platform", Text),
    Column("present", Boolean, nullable=False),
    Index("ix_manifest_reference_target", "repository_id", "algorithm", "digest"),
)

tag = Table(
    "tag",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("repository_id", RowId, ForeignKey("repository.id", ondelete="CASCADE"), nullable=False),
    Column("name", ByteOrdered, nullable=False),
    Column("algorithm", Algorithm, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("valid_from", UtcTime, nullable=False),
    Column("valid_until", UtcTime),
    Column("actor", Text, nullable=False),
    Column("ended_by", Text),
    Column("pulled_at", UtcTime),
    Index("ix_tag_history", "repository_id", "name", "id"),
    sqlite_autoincrement=True,
)

partial_index(
    "uq_tag_current",
    tag.c.repository_id,
    tag.c.name,
    unique=True,
    where=tag.c.valid_until.is_(None),
)

partial_index(
    "ix_tag_current_digest",
    tag.c.repository_id,
    tag.c.algorithm,
    tag.c.digest,
    where=tag.c.valid_until.is_(None),
)

partial_index(
    "ix_tag_ended_digest",
    tag.c.repository_id,
    tag.c.algorithm,
    tag.c.digest,
    tag.c.valid_until,
    where=tag.c.valid_until.is_not(None),
)

upload = Table(
    "upload",
    metadata,
    Column("id", Text, primary_key=True),
    # The name and no key: starting an upload must not make a repository exist.
    Column("repository", ByteOrdered, nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("algorithm", Algorithm, nullable=False),
    Column("key", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("hash_state", LargeBinary, nullable=False),
    Column("backend_state", LargeBinary, nullable=False),
    Column("tail", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

upload_hold = Table(
    "upload_hold",
    metadata,
    Column("key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    # Random: a row goes with its hold, so that no number would tell two holds apart.
    Column("token", Text, nullable=False),
    Column("until", UtcTime, nullable=False, index=True),
)

# Blobs whose bytes are at another place too, to which the storage is moving: `place` is the name that it was given. It
# follows no reference: when the blob goes, the row says what has to go at that place.
moved_blob = Table(
    "moved_blob",
    metadata,
    Column("place", Text, primary_key=True),
    Column("blob_id", RowId, primary_key=True, autoincrement=False),
    Column("algorithm", Algorithm, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
)

job_lease = Table(
    "job_lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("token", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("indexed_at", UtcTime),
    sqlite_autoincrement=True,
)

partial_index(
    "ix_outbox_pending",
    outbox.c.id,
    where=outbox.c.indexed_at.is_(None),
)

partial_index(
    "ix_outbox_indexed",
    outbox.c.created_at,
    where=outbox.c.indexed_at.is_not(None),
)

secret = Table(
    "secret",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("material", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("retired_at", UtcTime),
    UniqueConstraint("key_id"),
    sqlite_autoincrement=True,
)

partial_index(
    "uq_secret_active",
    secret.c.purpose,
    unique=True,
    where=secret.c.retired_at.is_(None),
)
