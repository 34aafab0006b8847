"""The few single-row questions that every pull asks, run on the driver itself.

Through SQLAlchemy one of them would cost more than all the rest of a request. The statements are its own all the
same: declared once in Core, compiled once for the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry.metadata.account_rows import (
    Account,
    AccountKind,
    Credential,
    NamespaceKind,
    RepositoryStanding,
    Standing,
)
from registry.metadata.column_types import from_microseconds
from registry.metadata.content_cache import ContentCache
from registry.metadata.hot_statements import HotStatement, compile_all
from registry.metadata.recollection import UNKNOWN, Recollection
from registry.metadata.rows import Blob, BlobState, LinkedBlob, StoredManifest, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Dialect

    from oci_spec.reference import Tag

T = TypeVar("T")

CONTENT_CACHE_BYTES = 32 * 1024 * 1024


class FetchRows(Protocol):
    """How a driver is asked for the rows, one or few, that a statement finds."""

    async def __call__(self, statement: HotStatement, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """Give all rows; raises `DatabaseUnavailable` or `DatabaseBusy`."""


class Lookups:
    """Indexed questions about one row or few, each answered with what was committed last on any worker or node.

    Answers are remembered where the database tells that it is still in the same state, and the bytes of manifests
    beyond that: what a digest names never changes. Every method raises `DatabaseUnavailable` or `DatabaseBusy` when the
    database does not answer.
    """

    def __init__(
        self,
        fetch: FetchRows,
        dialect: Dialect,
        *,
        state: Callable[[], bytes | None] = lambda: None,
        content_cache_bytes: int = CONTENT_CACHE_BYTES,
    ) -> None:
        """Ask through `fetch`, whose driver speaks `dialect`; `state` is as `Recollection` takes it."""
        self._fetch = fetch
        statements = compile_all(dialect)
        self._manifest_by_tag = statements["manifest_by_tag"]
        self._manifest_by_digest = statements["manifest_by_digest"]
        self._manifest_content = statements["manifest_content"]
        self._tag_digest = statements["tag_digest"]
        self._linked_blob = statements["linked_blob"]
        self._blob = statements["blob"]
        self._upload = statements["upload"]
        self._account_by_name = statements["account_by_name"]
        self._account_by_id = statements["account_by_id"]
        self._credential_by_hash = statements["credential_by_hash"]
        self._standing = statements["standing"]
        self._repository_standing = statements["repository_standing"]
        self._namespace_owner = statements["namespace_owner"]
        self._granted_roles = statements["granted_roles"]
        self._contents = ContentCache(content_cache_bytes)
        self._state = state
        self._known = Recollection(state)

    def conclusions(self) -> Recollection:
        """A memory for what is concluded from these answers: it forgets whenever one of them may have changed."""
        return Recollection(self._state)

    async def manifest_by_tag(self, repository: RepositoryName, tag: Tag) -> StoredManifest | None:
        """Give the manifest that `tag` names now, or None."""
        values = {"repository": str(repository), "tag": str(tag)}
        while (row := await self._row(self._manifest_by_tag, values)) is not None:
            digest = Digest.from_raw(row[0], row[1])
            content = await self._content(digest, row[2])
            if content is not None:
                return StoredManifest(row[2], row[3], row[4], digest, row[5], row[6], content)
        return None

    async def manifest_by_digest(self, repository: RepositoryName, digest: Digest) -> StoredManifest | None:
        """Give the manifest with this digest if the repository holds it."""
        values = {"repository": str(repository), "algorithm": digest.algorithm, "digest": digest.raw}
        row = await self._row(self._manifest_by_digest, values)
        if row is None or (content := await self._content(digest, row[2])) is None:
            return None
        return StoredManifest(row[2], row[3], None, digest, row[4], row[5], content, _time(row[6]))

    async def tag_digest(self, repository: RepositoryName, tag: Tag) -> Digest | None:
        """Give the digest that `tag` names now, or None."""
        row = await self._row(self._tag_digest, {"repository": str(repository), "tag": str(tag)})
        return None if row is None else Digest.from_raw(row[0], row[1])

    async def linked_blob(self, repository: RepositoryName, digest: Digest) -> LinkedBlob | None:
        """Give the blob with this digest if the repository links it."""
        values = {"repository": str(repository), "algorithm": digest.algorithm, "digest": digest.raw}
        return await self._found(
            self._linked_blob,
            values,
            lambda row: LinkedBlob(
                row[2], row[3], digest, row[4], row[5], from_microseconds(row[6]), BlobState(row[7])
            ),
        )

    async def blob(self, digest: Digest) -> Blob | None:
        """Give the blob with this digest, whoever links it."""
        values = {"algorithm": digest.algorithm, "digest": digest.raw}
        return await self._found(
            self._blob,
            values,
            lambda row: Blob(row[2], digest, row[3], row[4], BlobState(row[5]), from_microseconds(row[6])),
        )

    async def upload(self, upload_id: str) -> Upload | None:
        """Give the upload session as its last accepted request left it, or None."""
        return await self._found(self._upload, {"upload_id": upload_id}, _to_upload)

    async def account_by_name(self, name: str) -> Account | None:
        """Give the account of this name, or None."""
        return await self._found(self._account_by_name, {"name": name}, _account)

    async def account_by_id(self, account_id: int) -> Account | None:
        """Give the account with this id, or None."""
        return await self._found(self._account_by_id, {"account_id": account_id}, _account)

    async def credential_by_hash(self, secret_hash: bytes) -> Credential | None:
        """Give the credential whose secret has this SHA-256, or None; it may be revoked or expired."""
        return await self._found(self._credential_by_hash, {"hash": secret_hash}, _credential)

    async def standing(self, account_id: int, credential_id: int | None) -> Standing | None:
        """Give how the account stands, and this credential of it; None if there is no such account."""
        values = {"account_id": account_id, "credential_id": credential_id}
        return await self._found(self._standing, values, _standing)

    async def repository_standing(self, name: RepositoryName, account_id: int | None) -> RepositoryStanding | None:
        """Give what decides about the repository for this account or nobody; None if its namespace is not there."""
        values = {"repository": str(name), "namespace": name.namespace, "account_id": account_id}
        return await self._found(self._repository_standing, values, _repository_standing)

    async def owns_namespace(self, account_id: int, namespace: str) -> bool:
        """Whether the account is an owner of the namespace; False if nobody made it."""
        values = {"account_id": account_id, "namespace": namespace}
        return await self._row(self._namespace_owner, values) is not None

    async def granted_roles(self, account_id: int, buckets: tuple[str, str, str]) -> Sequence[tuple[str, str]]:
        """Give pattern and role of all in these buckets that was granted to the account or to a team of it."""
        values = {"account_id": account_id, "bucket0": buckets[0], "bucket1": buckets[1], "bucket2": buckets[2]}
        return await self._all(self._granted_roles, values)

    async def _row(self, statement: HotStatement, values: dict[str, Any]) -> Sequence[Any] | None:
        return await self._found(statement, values, lambda row: row)

    async def _found(
        self, statement: HotStatement, values: dict[str, Any], read: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """What `read` makes of the row that `statement` finds; remembered until the database changes."""
        question = (statement.text, *values.values())
        found: T | None = self._known.recall(question)
        if found is UNKNOWN:
            rows = await self._fetch(statement, values)
            found = read(rows[0]) if rows else None
            self._known.keep(question, found)
        return found

    async def _all(self, statement: HotStatement, values: dict[str, Any]) -> tuple[tuple[Any, ...], ...]:
        """All rows that `statement` finds; remembered until the database changes."""
        question = (statement.text, *values.values())
        found: tuple[tuple[Any, ...], ...] = self._known.recall(question)
        if found is UNKNOWN:
            found = tuple(tuple(row) for row in await self._fetch(statement, values))
            self._known.keep(question, found)
        return found

    async def _content(self, digest: Digest, manifest_id: int) -> bytes | None:
        """The bytes of a manifest that was there a moment ago; None if it was deleted since."""
        content = self._contents.get(digest)
        if content is not None:
            return content
        rows = await self._fetch(self._manifest_content, {"manifest_id": manifest_id})
        if not rows:
            return None
        content = bytes(rows[0][0])
        self._contents.put(digest, content)
        return content


def _to_upload(row: Sequence[Any]) -> Upload:
    identity, repository, *state, started_at, updated_at, expires_at = row
    times = map(from_microseconds, (started_at, updated_at, expires_at))
    return Upload(identity, RepositoryName.parse(repository), *state, *times)


def _account(row: Sequence[Any]) -> Account:
    identity, name, kind, namespace_id, source, external_id, password_hash, is_admin, is_disabled, *rest = row
    generation, expires_at, created_at, created_by, last_login_at = rest
    return Account(
        identity,
        name,
        AccountKind(kind),
        namespace_id,
        source,
        external_id,
        password_hash,
        bool(is_admin),
        bool(is_disabled),
        generation,
        _time(expires_at),
        from_microseconds(created_at),
        created_by,
        _time(last_login_at),
    )


def _credential(row: Sequence[Any]) -> Credential:
    identity, account_id, kind, name, secret_hash, scope, generation, created_at, created_by, *rest = row
    expires_at, revoked_at, last_used_at, last_used_from = rest
    return Credential(
        identity,
        account_id,
        kind,
        name,
        bytes(secret_hash),
        scope,
        generation,
        from_microseconds(created_at),
        created_by,
        _time(expires_at),
        _time(revoked_at),
        _time(last_used_at),
        last_used_from,
    )


def _standing(row: Sequence[Any]) -> Standing:
    generation, is_admin, is_disabled, expires_at, kind, revoked_at, credential_expires_at = row
    return Standing(
        generation,
        bool(is_admin),
        bool(is_disabled),
        _time(expires_at),
        kind,
        revoked_at is not None,
        _time(credential_expires_at),
    )


def _repository_standing(row: Sequence[Any]) -> RepositoryStanding:
    kind, visibility, is_owner = row
    return RepositoryStanding(NamespaceKind(kind), visibility, bool(is_owner))


def _time(count: int | None) -> datetime | None:
    return None if count is None else from_microseconds(count)
