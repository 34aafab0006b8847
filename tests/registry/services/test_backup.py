"""Backups: what is in them, where they can be restored to, and what they refuse."""

from __future__ import annotations

import asyncio
import gzip
import io
import itertools
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry.auth.subject import OPERATOR
from registry.jobs import index_objects as writing_behind
from registry.metadata import snapshot
from registry.metadata.database import open_database
from registry.metadata.plain_rows import TABLES
from registry.metadata.restoration import DatabaseNotEmpty
from registry.metadata.transaction import Transaction
from registry.services import audit, backup, backup_file, pull, reconciliation, signing
from registry.services.backup_file import BackupInvalid, BackupReader
from registry.services.context import Services, now
from registry.services.progress import Progress
from registry.services.signing import OldKeys
from tests.postgresql import PostgresCluster
from tests.registry.assembly import ON_SQLITE, access_to, open_services
from tests.registry.metadata.people import a_credential, a_grant, an_account
from tests.registry.pushing import Pusher
from tests.registry.services.everything import everything, fill, known_digests
from tests.registry.uploading import push_blob, stored_blobs

FILESYSTEM = "filesystem"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tool("postgres"))])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind that has no tables yet, beside the one of the registry."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'restored.db'}"
        return
    cluster: PostgresCluster = request.getfixturevalue("postgresql_cluster")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


TO_SQLITE = pytest.mark.parametrize("target_url", ["sqlite"], indirect=True)


async def backed_up(url: str, **options: Any) -> bytes:
    target = io.BytesIO()
    await asyncio.to_thread(backup.write, url, target, storage=FILESYSTEM, **options)
    return target.getvalue()


async def restored(url: str, content: bytes) -> None:
    await asyncio.to_thread(backup.restore, url, io.BytesIO(content), storage=FILESYSTEM)


async def rows(url: str) -> dict[str, list[Sequence[Any]]]:
    def all_rows(seen: snapshot.Snapshot) -> dict[str, list[Sequence[Any]]]:
        return {table.name: [tuple(row) for row in seen.rows(table)] for table in TABLES}

    return await asyncio.to_thread(snapshot.read, url, all_rows)


def people(tx: Transaction) -> None:
    account = an_account(tx, is_admin=True)
    a_credential(tx, account)
    a_grant(tx, "team/*", "team/", account_id=account.id)
    audit.record(tx, audit.Action.ACCOUNT_MADE, actor=str(OPERATOR), target="alice", moment=now())


async def test_every_row_comes_back_in_a_database_of_either_kind(
    services: Services, storage_root: Path, database_url: str, target_url: str
) -> None:
    await fill(services, 1)
    await services.database.write(people)
    await signing.rotate(services, OPERATOR, OldKeys.VERIFY)
    await writing_behind.run(services)
    digests = await known_digests(services)
    seen, held = await everything(services, digests), await rows(database_url)

    await restored(target_url, await backed_up(database_url))

    assert await rows(target_url) == held
    assert all(held[name] for name in ("manifest", "tag", "secret", "account", "credential", "audit", "outbox"))
    async with open_services(storage_root, target_url) as again:
        assert await everything(again, digests) == seen
        assert [each async for each in reconciliation.damaged(again)] == []
        await Pusher.to(again, "team/app").image("after", layers=[b"pushed after the restore"])


async def test_what_was_acknowledged_before_a_backup_under_pushes_pulls_after_its_restore(
    services: Services, storage_root: Path, database_url: str, target_url: str
) -> None:
    pushes = Pushes(services)
    async with pushes.going_on():
        before = await pushes.acknowledged_at_least(10)
        content = await backed_up(database_url)
        await pushes.acknowledged_at_least(len(before) + 10)

    await restored(target_url, content)

    async with open_services(storage_root, target_url) as again:
        for tag in before:
            layer = f"layer of {tag}".encode()
            found = await pull.manifest(again, access_to("team/app"), tag)
            assert Digest.of(found.content) == found.digest
            assert str(Digest.of(layer)) in found.content.decode()
            linked = await pull.blob(again, access_to("team/app"), Digest.of(layer))
            async with await pull.open_blob(again, access_to("team/app"), linked) as reader:
                assert b"".join([chunk async for chunk in reader.chunks(0, reader.size)]) == layer


class Pushes:
    """Images pushed to `team/app`, one after the other, each under a tag of its own."""

    def __init__(self, services: Services) -> None:
        self._pusher = Pusher.to(services, "team/app")
        self._acknowledged: list[Tag] = []
        self._more = asyncio.Condition()

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            pushing = tasks.create_task(self._push())
            yield
            pushing.cancel()

    async def acknowledged_at_least(self, count: int) -> list[Tag]:
        async with self._more:
            await self._more.wait_for(lambda: len(self._acknowledged) >= count)
        return [*self._acknowledged]

    async def _push(self) -> None:
        for number in itertools.count():
            tag = Tag.parse(f"v{number}")
            await self._pusher.image(str(tag), layers=[f"layer of {tag}".encode()])
            self._acknowledged.append(tag)
            async with self._more:
                self._more.notify_all()


@ON_SQLITE
@TO_SQLITE
async def test_a_backup_tells_nothing_of_what_came_after_it_began(
    services: Services, database_url: str, target_url: str
) -> None:
    await Pusher.to(services, "team/app").image("before", layers=[bytes([number]) for number in range(130)])
    loop, begun = asyncio.get_running_loop(), threading.Event()

    def push_in_the_middle(_: Progress) -> None:
        if not begun.is_set():
            begun.set()
            pushing = Pusher.to(services, "team/app").image("within", layers=[b"pushed meanwhile"])
            asyncio.run_coroutine_threadsafe(pushing, loop).result()

    content = await backed_up(database_url, progress=push_in_the_middle)
    await restored(target_url, content)

    assert begun.is_set()
    async with await open_database(target_url) as database:
        names = await database.read(lambda tx: tx.tags.page(tx.repositories.list(1, None)[0].id, None, 10))
    assert names == ["before"]


async def test_ids_that_were_given_after_the_backup_are_given_to_nobody_else(
    services: Services, database_url: str, target_url: str
) -> None:
    content = await backed_up(database_url)
    later = [await services.database.write(an_account, name) for name in ("bob", "carol")]

    await restored(target_url, content)

    async with await open_database(target_url) as database:
        other = await database.write(an_account, "dave")
    assert other.id > max(account.id for account in later)


@TO_SQLITE
async def test_without_keys_a_restored_registry_makes_new_ones(
    services: Services, storage_root: Path, database_url: str, target_url: str
) -> None:
    await signing.rotate(services, OPERATOR, OldKeys.VERIFY)
    content = await backed_up(database_url, without_keys=True)

    await restored(target_url, content)

    assert (await rows(target_url))["secret"] == []
    seal = services.secrets.seal("context", b"message")
    async with open_services(storage_root, target_url) as again:
        assert not await again.secrets.verifies("context", b"message", seal)
        assert await again.secrets.verifies("context", b"message", again.secrets.seal("context", b"message"))


@ON_SQLITE
async def test_what_the_storage_lacks_is_named(services: Services, storage_root: Path, database_url: str) -> None:
    from registry.services.backup_inventory import lacking

    kept, lost, cut = [await push_blob(services, access_to("app"), text) for text in (b"kept", b"lost", b"cut off")]
    content = await backed_up(database_url)
    for path in stored_blobs(storage_root):
        if path.name.startswith(lost.encoded):
            path.unlink()
        elif path.name.startswith(cut.encoded):
            path.chmod(0o600)
            path.write_bytes(b"cut")

    inventory = [*backup.inventory(BackupReader(io.BytesIO(content)))]
    found = [each async for each in lacking(services.store, inventory)]

    assert {each.digest for each in inventory} == {kept, lost, cut}
    assert {(each.blob.digest, each.blob.size, each.found) for each in found} == {(lost, 4, None), (cut, 7, 3)}


@ON_SQLITE
async def test_a_database_that_holds_anything_is_refused_and_stays(services: Services, database_url: str) -> None:
    content = await backed_up(database_url)
    await push_blob(services, access_to("app"), b"content")
    before = await rows(database_url)

    with pytest.raises(DatabaseNotEmpty):
        await restored(database_url, content)

    assert await rows(database_url) == before


@ON_SQLITE
@TO_SQLITE
async def test_a_database_that_a_start_has_made_takes_a_backup(
    services: Services, storage_root: Path, database_url: str, target_url: str
) -> None:
    content, before = await backed_up(database_url), await rows(database_url)
    await restored(target_url, content)
    async with open_services(storage_root, target_url) as again:
        await again.database.write(_make_secret)

    await restored(target_url, content)

    assert await rows(target_url) == before


def _make_secret(tx: Transaction) -> None:
    tx.secrets.ensure("other", lambda: b"material", now())


Lines = list[bytes]
Damage = Callable[[bytes], bytes]


def edited(edit: Callable[[Lines], Lines]) -> Damage:
    """A backup whose lines are others, and are compressed again."""
    return lambda content: gzip.compress(b"".join(edit(gzip.decompress(content).splitlines(keepends=True))))


def header(**fields: Any) -> Damage:
    """A backup that says other things of itself."""
    return edited(lambda lines: [json.dumps({**json.loads(lines[0]), **fields}).encode() + b"\n", *lines[1:]])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: b"", "cut off"),
        (lambda content: b"PK\3\4", "cannot be read"),
        (lambda content: content[: len(content) // 2], "cut off"),
        (lambda content: content[:-20] + bytes(20), "cut off|cannot be read|does not belong"),
        (edited(lambda lines: lines[:-1]), "cut off"),
        (edited(lambda lines: [*lines, b"[]\n"]), "checksum"),
        (edited(lambda lines: [line.replace(b"team/app", b"team/abb") for line in lines]), "checksum"),
        (edited(lambda lines: lines[:1] + lines[2:]), "does not belong"),
        (header(version=2), "version 2; this program reads 1"),
        (header(format="other"), "no backup of this registry"),
        (header(schema="0000"), "revision 0000"),
        (header(storage="tape"), "storage.backend is 'tape'"),
        (header(tables={"future": 0}), "does not know: future"),
    ],
)
@ON_SQLITE
@TO_SQLITE
async def test_what_is_no_whole_backup_restores_nothing(
    services: Services, database_url: str, target_url: str, damage: Damage, says: str
) -> None:
    await Pusher.to(services, "team/app").image("1")
    content = await backed_up(database_url)

    with pytest.raises(BackupInvalid, match=says):
        await restored(target_url, damage(content))

    await restored(target_url, content)


def test_a_file_that_is_not_finished_leaves_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    with backup_file.written(path) as file:
        file.write(b"first")

    with pytest.raises(ValueError, match="closed"), backup_file.written(path) as file:
        file.close()

    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]
