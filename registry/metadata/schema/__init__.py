"""The tables of the metadata database, declared once for SQLite and PostgreSQL.

A digest is two columns, its algorithm and its raw bytes. Ids are never given twice (which SQLite must be told), so that
what remembers the id of a deleted row finds nothing. A migration in `migrations/versions/` follows every change.
"""

from __future__ import annotations

from registry.metadata.schema.accounts import (
    account,
    credential,
    federation,
    login_failure,
    member,
    role_grant,
    team,
    team_member,
)
from registry.metadata.schema.audit import audit, audit_chain
from registry.metadata.schema.content import (
    blob,
    job_lease,
    link,
    manifest,
    manifest_lease,
    manifest_reference,
    moved_blob,
    namespace,
    outbox,
    repository,
    repository_description,
    search_gram,
    secret,
    tag,
    tag_protection,
    tag_pulls,
    upload,
    upload_hold,
)
from registry.metadata.schema.naming import metadata
from registry.metadata.schema.nodes import installation, node

__all__ = [
    "account",
    "audit",
    "audit_chain",
    "blob",
    "credential",
    "federation",
    "installation",
    "job_lease",
    "link",
    "login_failure",
    "manifest",
    "manifest_lease",
    "manifest_reference",
    "member",
    "metadata",
    "moved_blob",
    "namespace",
    "node",
    "outbox",
    "repository",
    "repository_description",
    "role_grant",
    "search_gram",
    "secret",
    "tag",
    "tag_protection",
    "tag_pulls",
    "team",
    "team_member",
    "upload",
    "upload_hold",
]
