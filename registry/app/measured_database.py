"""A database whose every question is timed for the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from registry.metadata.database import Database
from registry.metadata.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_spec.digest import Digest
    from oci_spec.reference import RepositoryName, Tag
    from registry.metadata.account_rows import Account, Credential, RepositoryStanding, Standing
    from registry.metadata.recollection import Recollection
    from registry.metadata.rows import Blob, LinkedBlob, StoredManifest, Upload
    from registry.metadata.transaction import Transaction
    from registry.observability.instruments import Histogram

P = ParamSpec("P")
T = TypeVar("T")


class MeasuredDatabase(Database):
    """Does what `database` does, and observes in `durations` how long that took, waiting for its turn included."""

    def __init__(self, database: Database, dialect: str, durations: Histogram) -> None:
        self._database = database
        self._clock = _Clock(dialect, durations)
        self.inline_lookups = database.inline_lookups
        self.lookups = _MeasuredLookups(database.lookups, self._clock)

    async def write(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._clock.timed("write"):
            return await self._database.write(unit, *args, **kwargs)

    async def note(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._clock.timed("write"):
            return await self._database.note(unit, *args, **kwargs)

    async def reclaim(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._clock.timed("write"):
            return await self._database.reclaim(unit, *args, **kwargs)

    async def read(self, unit: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._clock.timed("read"):
            return await self._database.read(unit, *args, **kwargs)

    async def revision(self) -> str | None:
        return await self._database.revision()

    async def ping(self) -> None:
        with self._clock.timed("ping"):
            await self._database.ping()

    async def close(self) -> None:
        await self._database.close()


class _Clock:
    """Observes how long actions of one dialect take."""

    def __init__(self, dialect: str, durations: Histogram) -> None:
        self._dialect = dialect
        self._durations = durations

    def timed(self, action: str) -> _Timed:
        """Observe, as `action`, how long the block takes."""
        return _Timed(self, action)

    def observe(self, action: str, began: float) -> None:
        """Note that `action` began at `began` and has ended now."""
        self._durations.observe(time.perf_counter() - began, self._dialect, action)


class _Timed:
    # A class, because a generator would cost about as much as what it measures.
    __slots__ = ("_action", "_began", "_clock")

    def __init__(self, clock: _Clock, action: str) -> None:
        self._clock, self._action = clock, action

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._clock.observe(self._action, self._began)


class _MeasuredLookups(Lookups):
    def __init__(self, lookups: Lookups, clock: _Clock) -> None:
        self._lookups = lookups
        self._clock = clock

    def conclusions(self) -> Recollection:
        return self._lookups.conclusions()

    async def manifest_by_tag(self, repository: RepositoryName, tag: Tag) -> StoredManifest | None:
        with self._clock.timed("lookup"):
            return await self._lookups.manifest_by_tag(repository, tag)

    async def manifest_by_digest(self, repository: RepositoryName, digest: Digest) -> StoredManifest | None:
        with self._clock.timed("lookup"):
            return await self._lookups.manifest_by_digest(repository, digest)

    async def tag_digest(self, repository: RepositoryName, tag: Tag) -> Digest | None:
        with self._clock.timed("lookup"):
            return await self._lookups.tag_digest(repository, tag)

    async def linked_blob(self, repository: RepositoryName, digest: Digest) -> LinkedBlob | None:
        with self._clock.timed("lookup"):
            return await self._lookups.linked_blob(repository, digest)

    async def blob(self, digest: Digest) -> Blob | None:
        with self._clock.timed("lookup"):
            return await self._lookups.blob(digest)

    async def upload(self, upload_id: str) -> Upload | None:
        with self._clock.timed("lookup"):
            return await self._lookups.upload(upload_id)

    async def account_by_name(self, name: str) -> Account | None:
        with self._clock.timed("lookup"):
            return await self._lookups.account_by_name(name)

    async def account_by_id(self, account_id: int) -> Account | None:
        with self._clock.timed("lookup"):
            return await self._lookups.account_by_id(account_id)

    async def credential_by_hash(self, secret_hash: bytes) -> Credential | None:
        with self._clock.timed("lookup"):
            return await self._lookups.credential_by_hash(secret_hash)

    async def standing(self, account_id: int, credential_id: int | None) -> Standing | None:
        with self._clock.timed("lookup"):
            return await self._lookups.standing(account_id, credential_id)

    async def repository_standing(self, name: RepositoryName, account_id: int | None) -> RepositoryStanding | None:
        with self._clock.timed("lookup"):
            return await self._lookups.repository_standing(name, account_id)

    async def owns_namespace(self, account_id: int, namespace: str) -> bool:
        with self._clock.timed("lookup"):
            return await self._lookups.owns_namespace(account_id, namespace)

    async def granted_roles(self, account_id: int, buckets: tuple[str, str, str]) -> Sequence[tuple[str, str]]:
        with self._clock.timed("lookup"):
            return await self._lookups.granted_roles(account_id, buckets)
