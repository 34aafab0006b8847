"""`registry restore`: a backup into an empty database, and what the storage lacks of it."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from registry.app.database_access import connecting_of, url_of
from registry.cli import output
from registry.cli.options import as_json, configured
from registry.cli.progress import live_progress
from registry.cli.running import refusals, with_any_services
from registry.config import Config, Resolved
from registry.metadata.restoration import DatabaseNotEmpty
from registry.services import backup, backup_inventory, reconciliation
from registry.services.backup_file import BackupInvalid, BackupReader, Header
from registry.services.context import Services
from registry.services.progress import Watcher
from storage_backends.holding import NoHolds

_PIPE: Final = Path("-")
_DONE, _LACKING = 0, 1


@click.command("restore")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Change nothing; read the backup to its end and look for its blobs.")
@as_json
@configured()
def command(resolved: Resolved, source: Path, check: bool, json_output: bool) -> int:
    """Put a backup into an empty database, and say what the storage lacks.

    FILE is - for standard input. The database may be of the other kind than the one that was backed up; it is made if
    there is none. Nothing may serve the registry meanwhile. Either all of the backup is restored or nothing. Exit code
    1 also when the storage lacks blobs.
    """
    with _told(), refusals(), live_progress() as progress, _opened(source) as file:
        if check:
            header, lacking = asyncio.run(_checked(resolved.config, file, progress))
        else:
            header = backup.restore(
                url_of(resolved.config.database),
                file,
                storage=resolved.config.storage.backend,
                connecting=connecting_of(resolved.config.database),
                progress=progress,
            )
            lacking = with_any_services(resolved.config, lambda services: _compared(services, header, progress))
    if json_output:
        output.print_json(_as_json(header, lacking, restored=not check))
    else:
        _print(header, lacking, "checked" if check else "restored")
    return _LACKING if lacking else _DONE


async def _checked(config: Config, file: BinaryIO, progress: Watcher) -> tuple[Header, list[dict[str, Any]]]:
    from registry.app.stores import open_store

    reader = BackupReader(file)
    store = await asyncio.to_thread(open_store, config.storage, NoHolds())
    try:
        lacking = [
            {"digest": each.blob.digest, "key": each.blob.key, "size": each.blob.size, "found": each.found}
            async for each in backup_inventory.lacking(store, backup.inventory(reader, progress=progress))
        ]
    finally:
        await store.close()
    return reader.header, lacking


async def _compared(services: Services, header: Header, progress: Watcher) -> list[dict[str, Any]]:
    await backup.note_restored(services, header)
    return [
        {
            "digest": each.digest,
            "key": each.key,
            "size": each.size,
            "found": each.found,
            "repositories": each.repositories,
        }
        async for each in reconciliation.damaged(services, progress=progress)
    ]


@contextmanager
def _opened(source: Path) -> Iterator[BinaryIO]:
    if source == _PIPE:
        yield sys.stdin.buffer
        return
    with source.open("rb") as file:
        yield file


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BackupInvalid as error:
        raise click.ClickException(str(error)) from error
    except DatabaseNotEmpty as error:
        message = "there is a registry in this database already; restore into an empty one"
        raise click.ClickException(message) from error


def _print(header: Header, lacking: list[dict[str, Any]], done: str) -> None:
    rows = [
        [each["digest"], output.size(each["size"]), ", ".join(map(str, each.get("repositories", ()))), each["key"]]
        for each in lacking
    ]
    if rows:
        output.print_table(["LACKING", "SIZE", "REPOSITORIES", "KEY"], rows)
    click.echo(
        f"{done} {output.counted(sum(header.tables.values()), 'row')} as of {header.made_at.isoformat()}; "
        f"the storage lacks {output.counted(len(lacking), 'blob')}",
        err=True,
    )


def _as_json(header: Header, lacking: list[dict[str, Any]], *, restored: bool) -> dict[str, Any]:
    return {
        "restored": restored,
        "made_at": header.made_at,
        "schema": header.schema,
        "storage": header.storage,
        "tables": header.tables,
        "lacking": lacking,
    }
