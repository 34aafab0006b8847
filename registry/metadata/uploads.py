"""Upload sessions, each change of which names the version it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy import insert as plain_insert

from oci_spec.reference import RepositoryName
from registry.metadata.rows import Upload
from registry.metadata.schema import upload

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection

    from registry.metadata.rows import UploadProgress

_UPLOAD = select(
    upload.c.id,
    upload.c.repository,
    upload.c.subject,
    upload.c.algorithm,
    upload.c.key,
    upload.c.offset,
    upload.c.hash_state,
    upload.c.backend_state,
    upload.c.tail,
    upload.c.version,
    upload.c.started_at,
    upload.c.updated_at,
    upload.c.expires_at,
)


class Uploads:
    """The upload sessions that are open."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def create(self, new: Upload) -> None:
        """Record an upload session that has begun."""
        row = {name: getattr(new, name) for name in Upload.__slots__}
        self._connection.execute(plain_insert(upload).values(row | {"repository": str(new.repository)}))

    def find(self, upload_id: str) -> Upload | None:
        """Give the session, or None when it was never begun, is finished, cancelled or expired and cleaned up."""
        row = self._connection.execute(_UPLOAD.where(upload.c.id == upload_id)).one_or_none()
        return None if row is None else _to_upload(row)

    def save(
        self,
        upload_id: str,
        version: int,
        progress: UploadProgress,
        *,
        now: datetime,
        expires_at: datetime,
    ) -> bool:
        """Record progress made from `version`, which grows by one; False when somebody else changed the session."""
        changed = update(upload).where(upload.c.id == upload_id, upload.c.version == version)
        values = {name: getattr(progress, name) for name in type(progress).__slots__}
        values |= {"version": version + 1, "updated_at": now, "expires_at": expires_at}
        return self._connection.execute(changed.values(values)).rowcount > 0

    def delete(self, upload_id: str, version: int | None) -> bool:
        """Forget the session if it is at `version`, at any with None; False when it is gone or was changed."""
        gone = delete(upload).where(upload.c.id == upload_id)
        if version is not None:
            gone = gone.where(upload.c.version == version)
        return self._connection.execute(gone).rowcount > 0

    def expired(self, now: datetime, limit: int) -> list[Upload]:
        """Give up to `limit` sessions whose time is over, the longest over first."""
        query = _UPLOAD.where(upload.c.expires_at <= now).order_by(upload.c.expires_at).limit(limit)
        return [_to_upload(row) for row in self._connection.execute(query)]

    def for_repository(self, name: RepositoryName) -> list[Upload]:
        """Give the open sessions of a repository, oldest first."""
        query = _UPLOAD.where(upload.c.repository == str(name)).order_by(upload.c.started_at, upload.c.id)
        return [_to_upload(row) for row in self._connection.execute(query)]


def _to_upload(row: Sequence[Any]) -> Upload:
    identity, repository, *rest = row
    return Upload(identity, RepositoryName.parse(repository), *rest)
