"""Upload sessions, each change of which names the version it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy import insert as plain_insert

from oci_spec.reference import RepositoryName
from registry.metadata.frequent import Frequent
from registry.metadata.rows import Upload
from registry.metadata.schema import upload
from registry.metadata.statements import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

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
_THIS = upload.c.id == bindparam("this_id")
_THIS_VERSION = upload.c.version == bindparam("this_version")
_CREATE = Frequent(plain_insert(upload))
_FIND = _UPLOAD.where(_THIS)
_SAVE = Frequent(update(upload).where(_THIS, _THIS_VERSION))
_DELETE = delete(upload).where(_THIS)
_DELETE_VERSION = Frequent(_DELETE.where(_THIS_VERSION))
_EXPIRED = (
    _UPLOAD.where(upload.c.expires_at <= bindparam("now")).order_by(upload.c.expires_at).limit(bindparam("limit"))
)
_COUNT = select(func.count()).select_from(upload)
_OF_REPOSITORY = _UPLOAD.where(upload.c.repository == bindparam("this_repository")).order_by(
    upload.c.started_at, upload.c.id
)


class Uploads:
    """The upload sessions that are open."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def create(self, new: Upload) -> None:
        """Record an upload session that has begun."""
        row = {name: getattr(new, name) for name in Upload.__struct_fields__}
        self._runner.change(_CREATE, row | {"repository": str(new.repository)})

    def count(self) -> int:
        """Say how many sessions are open."""
        found: int = self._runner.value(_COUNT)
        return found

    def find(self, upload_id: str) -> Upload | None:
        """Give the session, or None when it was never begun, is finished, cancelled or expired and cleaned up."""
        row = self._runner.row(_FIND, {"this_id": upload_id})
        return None if row is None else _to_upload(row)

    def save(
        self, upload_id: str, version: int, progress: UploadProgress, *, now: datetime, expires_at: datetime
    ) -> bool:
        """Record progress made from `version`, which grows by one; False when somebody else changed the session."""
        values = {name: getattr(progress, name) for name in progress.__struct_fields__}
        values |= {"version": version + 1, "updated_at": now, "expires_at": expires_at}
        return self._runner.change(_SAVE, {"this_id": upload_id, "this_version": version, **values}) > 0

    def delete(self, upload_id: str, version: int | None) -> bool:
        """Forget the session if it is at `version`, at any with None; False when it is gone or was changed."""
        if version is None:
            return self._runner.change(_DELETE, {"this_id": upload_id}) > 0
        return self._runner.change(_DELETE_VERSION, {"this_id": upload_id, "this_version": version}) > 0

    def expired(self, now: datetime, limit: int) -> list[Upload]:
        """Give up to `limit` sessions whose time is over, the longest over first."""
        return [_to_upload(row) for row in self._runner.rows(_EXPIRED, {"now": now, "limit": limit})]

    def for_repository(self, name: RepositoryName) -> list[Upload]:
        """Give the open sessions of a repository, oldest first."""
        return [_to_upload(row) for row in self._runner.rows(_OF_REPOSITORY, {"this_repository": str(name)})]


def _to_upload(row: Sequence[Any]) -> Upload:
    identity, repository, *rest = row
    return Upload(identity, RepositoryName.parse(repository), *rest)
