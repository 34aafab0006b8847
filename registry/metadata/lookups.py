"""The few single-row questions that every pull asks, run on the driver itself.

Through SQLAlchemy one of them would cost more than all the rest of a request. The statements are its own all the
same: declared once in Core, compiled once for the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry.metadata.column_types import from_microseconds
from registry.metadata.content_cache import ContentCache
from registry.metadata.hot_statements import HotStatement, compile_all
from registry.metadata.recollection import UNKNOWN, Recollection
from registry.metadata.rows import Blob, BlobState, LinkedBlob, StoredManifest, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Dialect

    from oci_spec.reference import Tag

T = TypeVar("T")

CONTENT_CACHE_BYTES = 32 * 1024 * 1024


class FetchRow(Protocol):
    """How a driver is asked for the one row that a statement finds."""

    async def __call__(self, statement: HotStatement, values: dict[str, Any]) -> Sequence[Any] | None:
        """Give the row, or None; raises `DatabaseUnavailable` or `DatabaseBusy`."""


class Lookups:
    """Indexed questions about one row, each answered with what was committed last on any worker or node.

    Answers are remembered where the database tells that it is still in the same state, and the bytes of manifests
    beyond that: what a digest names never changes. Every method raises `DatabaseUnavailable` or `DatabaseBusy` when the
    database does not answer.
    """

    def __init__(
        self,
        fetch: FetchRow,
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
        self._contents = ContentCache(content_cache_bytes)
        self._known = Recollection(state)

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
        lease_until = None if row[6] is None else from_microseconds(row[6])
        return StoredManifest(row[2], row[3], None, digest, row[4], row[5], content, lease_until)

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
        row = await self._fetch(self._upload, {"upload_id": upload_id})
        if row is None:
            return None
        identity, repository, *state, started_at, updated_at, expires_at = row
        times = map(from_microseconds, (started_at, updated_at, expires_at))
        return Upload(identity, RepositoryName.parse(repository), *state, *times)

    async def _row(self, statement: HotStatement, values: dict[str, Any]) -> Sequence[Any] | None:
        return await self._found(statement, values, lambda row: row)

    async def _found(
        self, statement: HotStatement, values: dict[str, Any], read: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """What `read` makes of the row that `statement` finds; remembered until the database changes."""
        question = (statement.text, *values.values())
        found: T | None = self._known.recall(question)
        if found is UNKNOWN:
            row = await self._fetch(statement, values)
            found = None if row is None else read(row)
            self._known.keep(question, found)
        return found

    async def _content(self, digest: Digest, manifest_id: int) -> bytes | None:
        """The bytes of a manifest that was there a moment ago; None if it was deleted since."""
        content = self._contents.get(digest)
        if content is not None:
            return content
        row = await self._fetch(self._manifest_content, {"manifest_id": manifest_id})
        if row is None:
            return None
        self._contents.put(digest, bytes(row[0]))
        return bytes(row[0])
