"""Looking for what is wrong with a deployment before its clients find it; each check is a function with one finding."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from oci_spec.digest import Digest
from registry.errors import RegistryError
from registry.metadata.database import Database
from registry.metadata.revision import HEAD, SchemaMismatch, is_served
from registry.metadata.transaction import Transaction
from registry.services import installation
from registry.services.context import now
from registry.services.installation import InstallationMismatch
from registry.services.status import is_alive
from storage_backends.contract import BlobStore, StoredObject
from storage_backends.errors import StorageError

_SKEW: Final = timedelta(seconds=1)
# Servers tell their time without the fraction of a second, and some look at it once a second.
_STALENESS: Final = timedelta(seconds=2)
_BLOCK: Final = bytes(1 << 20)
_OBJECT: Final = "doctor"
_OF_DATABASE: Final = "see that database.url names it, that it runs, and that its user may log in and write"
_OF_CLOCKS: Final = "let NTP set the clocks of all machines (timedatectl, chronyc tracking)"
_OF_REDIRECTS: Final = "set storage.s3.redirect so that clients are led only where they get, or turn it off"
_OF_STORAGE: Final = (
    "see that it is there, has room, and lets this program read, write, list and remove (S3: s3:GetObject, "
    "s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListBucket, s3:ListBucketMultipartUploads)"
)


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and where that is a problem what to do about it."""

    check: str
    verdict: Verdict
    told: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is looked at; blobs of `upload_bytes` are uploaded to try the storage.

    `fetch` gives what is found at a URL, as a client does that is led there; it raises OSError.
    """

    database: Database
    store: BlobStore
    upload_bytes: int
    fetch: Callable[[str], Awaitable[bytes]]
    clock: Callable[[], datetime] = now


Answer = tuple[Verdict, str, str]
"""The verdict, what was found, and the remedy."""


@dataclass(frozen=True, slots=True)
class Check:
    """A question, and what to do where it cannot even be asked."""

    name: str
    ask: Callable[[Parts], Awaitable[Answer]]
    remedy: str


async def examine(parts: Parts) -> list[Finding]:
    """The findings of all checks, those first on which others stand."""
    return [await _found(check, parts) for check in _CHECKS]


def not_opened(part: str, error: Exception) -> Finding:
    """What is found where the database or the storage cannot even be opened."""
    return Finding(part, Verdict.PROBLEM, _told(error), _OF_DATABASE if part == "database" else _OF_STORAGE)


async def _found(check: Check, parts: Parts) -> Finding:
    try:
        verdict, told, remedy = await check.ask(parts)
    except (RegistryError, StorageError, SchemaMismatch, InstallationMismatch) as error:
        verdict, told, remedy = Verdict.PROBLEM, _told(error), check.remedy
    return Finding(check.name, verdict, told, remedy)


def _told(error: Exception) -> str:
    cause = getattr(error, "cause", None)
    text = f"{error} ({cause})" if cause else str(error) or type(error).__name__
    return " ".join(text.split())


async def _database(parts: Parts) -> Answer:
    """Whether the database is there and takes changes."""
    await parts.database.ping()
    return Verdict.OK, "answers, and takes changes", ""


async def _schema(parts: Parts) -> Answer:
    """Whether this program works with the schema, and is the newest that does."""
    found = await parts.database.revision()
    if found == HEAD:
        return Verdict.OK, f"at revision {HEAD}, as this program", ""
    if is_served(found):
        remedy = "upgrade this node, too, before the next version"
        return Verdict.PROBLEM, f"at revision {found}, this program at {HEAD}", remedy
    raise SchemaMismatch(found)


async def _database_rights(parts: Parts) -> Answer:
    """Whether this program may do all that it has to."""
    missing = await parts.database.read(_missing_rights)
    if not missing:
        return Verdict.OK, "all that serving and migrations need", ""
    remedy = "let the user of database.url own the tables (ALTER TABLE … OWNER TO), or grant it these rights"
    return Verdict.PROBLEM, f"missing: {', '.join(missing)}", remedy


async def _database_connections(parts: Parts) -> Answer:
    """Whether the database has room for connections."""
    found = await parts.database.read(_used_connections)
    if found is None:
        return Verdict.NOT_APPLICABLE, "SQLite has none", ""
    used, most = found
    if used < most * 3 / 4:
        return Verdict.OK, f"{used} of {most}", ""
    remedy = "lower database.pool_max, raise max_connections, or put a PgBouncer between (database.pgbouncer)"
    return Verdict.PROBLEM, f"{used} of {most} are in use", remedy


async def _clock(parts: Parts) -> Answer:
    """Whether this machine and the database's agree on the time."""
    before = parts.clock()
    there = await parts.database.read(_time)
    if there is None:
        return Verdict.NOT_APPLICABLE, "the database is on this machine", ""
    return _beside("the database's", there, before, parts.clock())


async def _clock_of_storage(parts: Parts) -> Answer:
    """Whether this machine and the storage's agree on the time: S3 refuses requests of 15 minutes ago or from now."""
    before = parts.clock()
    there = await parts.store.clock()
    if there is None:
        return Verdict.NOT_APPLICABLE, "the storage has no clock of its own", ""
    return _beside("the storage's", there, before - _STALENESS, parts.clock())


def _beside(whose: str, there: datetime, before: datetime, after: datetime) -> Answer:
    """What to say of a clock that was read, at some moment between the two that this machine's shows, as `there`."""
    skew = max(before - there, there - after, timedelta(0))
    if skew < _SKEW:
        return Verdict.OK, f"agrees with {whose}", ""
    which = "ahead of" if before > there else "behind"
    return Verdict.PROBLEM, f"this machine is {skew.total_seconds():.1f} s {which} {whose}", _OF_CLOCKS


async def _clocks_of_nodes(parts: Parts) -> Answer:
    """Whether a node has said that it was there at a time that has not come yet."""
    moment = await parts.database.read(_time) or parts.clock()
    ahead = [
        node.host for node in await parts.database.read(lambda tx: tx.nodes.all()) if node.seen_at > moment + _SKEW
    ]
    if not ahead:
        return Verdict.OK, "no node is ahead of the database's", ""
    return Verdict.PROBLEM, f"ahead of the database's: {', '.join(ahead)}", _OF_CLOCKS


async def _nodes(parts: Parts) -> Answer:
    """Whether all nodes that were there lately still are, with one version."""
    moment = parts.clock()
    found = await parts.database.read(lambda tx: tx.nodes.all())
    gone = [node.host for node in found if not is_alive(node, moment)]
    versions = sorted({node.version for node in found if is_alive(node, moment)})
    if gone:
        remedy = "look for these machines; one that was removed for good is forgotten after a day"
        return Verdict.PROBLEM, f"not seen lately: {', '.join(gone)}", remedy
    if len(versions) > 1:
        told = f"of several versions: {', '.join(versions)}"
        return Verdict.PROBLEM, told, "finish the upgrade"
    return Verdict.OK, f"{len(found)} seen", ""


async def _installation(parts: Parts) -> Answer:
    """Whether the database and the storage are of one installation."""
    identity = await installation.require_pair(parts.database, parts.store)
    return Verdict.OK, f"database and storage are of {identity}", ""


async def _storage_objects(parts: Parts) -> Answer:
    """Whether small objects can be written, read, listed and removed."""
    store, name, content = parts.store, f"{_OBJECT}/{secrets.token_hex(8)}", secrets.token_bytes(64)
    await store.put_object(name, content)
    try:
        read = await store.get_object(name)
        listed = name in [each async for each in store.list_objects(f"{_OBJECT}/")]
    finally:
        await store.delete_object(name)
    left = name in [each async for each in store.list_objects(f"{_OBJECT}/")]
    if read == content and listed and not left:
        return Verdict.OK, "written, read, listed and removed", ""
    told = "what was written is not what is read or listed, or is there still after its removal"
    return Verdict.PROBLEM, told, _OF_STORAGE


async def _storage_uploads(parts: Parts) -> Answer:
    """Whether a blob of several parts can be uploaded, committed, read, listed and removed, and an upload given up."""
    store = parts.store
    blocks = -(-parts.upload_bytes // len(_BLOCK))
    given_up = await store.begin("sha256")
    async with store.session(given_up.key) as session:
        given_up = await session.append(given_up, _blocks(blocks))
    await store.abort(given_up)
    stored = await _upload(store, blocks)
    try:
        size = await store.stat(stored.key)
        async with await store.open(stored.key) as reader:
            last = b"".join([chunk async for chunk in reader.chunks(size - 1, size)])
    finally:
        await store.delete(stored.key)
    if size == len(_BLOCK) * blocks and last == _BLOCK[:1]:
        return Verdict.OK, f"{blocks} MiB were uploaded, read and removed, and as much was given up", ""
    return Verdict.PROBLEM, "what was uploaded is not what is read", _OF_STORAGE


async def _storage_redirects(parts: Parts) -> Answer:
    """Whether who is led to the storage gets the blob there."""
    stored = await _upload(parts.store, 1)
    try:
        url = await parts.store.redirect(stored.key)
        if url is None:
            return Verdict.NOT_APPLICABLE, "clients get all bytes from the registry itself", ""
        fetched = await parts.fetch(url)
    except OSError as error:
        return Verdict.PROBLEM, f"a signed URL is refused: {error}", _OF_REDIRECTS
    finally:
        await parts.store.delete(stored.key)
    if fetched == _BLOCK:
        return Verdict.OK, "a signed URL leads to the blob", ""
    return Verdict.PROBLEM, "a signed URL leads to something else", _OF_REDIRECTS


async def _upload(store: BlobStore, blocks: int) -> StoredObject:
    state = await store.begin("sha256")
    async with store.session(state.key) as session:
        state = await session.append(state, _blocks(blocks))
        return await session.commit(state, Digest.of(_BLOCK * blocks))


_CHECKS: Final = (
    Check("database", _database, _OF_DATABASE),
    Check("schema", _schema, "run `registry migrate`, or a program as new as the database"),
    Check("database rights", _database_rights, _OF_DATABASE),
    Check("database connections", _database_connections, _OF_DATABASE),
    Check("clock", _clock, _OF_DATABASE),
    Check("clocks of nodes", _clocks_of_nodes, _OF_DATABASE),
    Check("nodes", _nodes, _OF_DATABASE),
    Check("installation", _installation, _OF_STORAGE),
    Check("clock of storage", _clock_of_storage, _OF_STORAGE),
    Check("storage objects", _storage_objects, _OF_STORAGE),
    Check("storage uploads", _storage_uploads, _OF_STORAGE),
    Check("storage redirects", _storage_redirects, _OF_STORAGE),
)


async def _blocks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield _BLOCK


def _missing_rights(tx: Transaction) -> list[str]:
    return tx.self_check.missing_rights()


def _used_connections(tx: Transaction) -> tuple[int, int] | None:
    return tx.self_check.connections()


def _time(tx: Transaction) -> datetime | None:
    return tx.self_check.clock()
