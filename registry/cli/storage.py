"""`registry storage`: move what is stored to another place."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from registry.cli import output
from registry.cli.groups import Group
from registry.cli.options import as_json, configured
from registry.cli.progress import live_progress
from registry.cli.running import with_services
from registry.config import Config, ConfigInvalid, Resolved, resolve
from registry.jobs.leased import Job, run_once
from registry.jobs.serving import owned_jobs
from registry.services import storage_move
from registry.services.blob_move import Copied, NotCopied
from registry.services.context import Services
from registry.services.progress import Watcher
from registry.services.storage_move import NotAllCopied, PlaceOccupied
from storage_backends.contract import BlobStore

_DONE, _NOT_ALL = 0, 1
_JOB: Final = "storage-migrate"


@click.group("storage", cls=Group)
def command() -> None:
    """Move what is stored to another place, while the registry serves."""


@command.command("migrate")
@click.option(
    "--to",
    "target",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The configuration that the registry is to have afterwards; only its [storage] counts.",
)
@click.option("--switch", is_flag=True, help="Copy what is left and let the copies count. The registry must not run.")
@click.option("--without-lost", is_flag=True, help="With --switch: leave behind what cannot be copied.")
@as_json
@configured()
def migrate(resolved: Resolved, *, target: Path, switch: bool, without_lost: bool, json_output: bool) -> int:
    """Copy everything from the storage in use to another one, while the registry serves.

    Repeated, it copies what has come since. In the end stop the registry, run it once more with --switch, and start the
    registry with FILE. What is in the old storage stays there. Exit code 1 when something could not be copied.
    """
    if without_lost and not switch:
        raise click.UsageError("--without-lost goes with --switch")
    there = _configuration(target, resolved)
    move = _Move(there, switch=switch, without_lost=without_lost)
    with live_progress() as progress:
        move.progress = progress
        with_services(resolved.config, move.run)
    if json_output:
        output.print_json(_as_json(move))
    else:
        _print(move, target)
    return _NOT_ALL if move.not_copied and not without_lost else _DONE


@dataclass
class _Move:
    """One run of the command."""

    there: Config
    switch: bool
    without_lost: bool
    progress: Watcher = lambda _: None
    not_copied: list[NotCopied] = field(default_factory=list)
    copied: Copied = field(default_factory=Copied)
    switched: bool = False

    async def run(self, services: Services) -> None:
        """Do it, alone among all processes that would."""
        if not await run_once(services, Job(_JOB, interval_s=0, run=self._run)):
            raise click.ClickException("another process is moving the storage")

    async def _run(self, services: Services) -> None:
        from registry.app.stores import open_store
        from registry.services.upload_holds import DatabaseUploadHolds

        if self.switch and (owned := [name for name in await owned_jobs(services) if name != _JOB]):
            raise click.ClickException(
                f"the registry is running (it does: {', '.join(owned)}); stop it, on all nodes, before the switch"
            )
        holds = DatabaseUploadHolds(services.database)
        store = await asyncio.to_thread(open_store, self.there.storage, holds)
        try:
            await self._work(services, store)
        finally:
            await store.close()

    async def _work(self, services: Services, store: BlobStore) -> None:
        told: Callable[[NotCopied], None] = self.not_copied.append
        try:
            if self.switch:
                self.copied = await storage_move.switch(
                    services, store, without_lost=self.without_lost, told=told, progress=self.progress
                )
                self.switched = True
            else:
                self.copied = await storage_move.copy(services, store, told=told, progress=self.progress)
        except PlaceOccupied as error:
            raise click.ClickException(str(error)) from error
        except NotAllCopied as error:
            if not self.not_copied:
                raise click.ClickException(
                    "something was pushed meanwhile; stop the registry, and try again"
                ) from error


def _configuration(target: Path, resolved: Resolved) -> Config:
    here = resolved.config
    try:
        there = resolve(target, flags={"server.data": str(here.server.data)}).config
    except ConfigInvalid as error:
        raise click.ClickException(str(error)) from error
    if there.storage == here.storage:
        raise click.ClickException(f"the storage of {target} is the one that is in use")
    return there


def _print(move: _Move, target: Path) -> None:
    rows: list[list[object]] = [[each.fault, each.blob.digest, output.size(each.blob.size)] for each in move.not_copied]
    if rows:
        output.print_table(["NOT COPIED", "DIGEST", "SIZE"], rows)
    copied = move.copied
    click.echo(
        f"copied {output.counted(copied.blobs, 'blob')}, {output.size(copied.size)}; "
        f"dropped {copied.dropped} of what is gone; {len(move.not_copied)} not copied",
        err=True,
    )
    if move.switched:
        click.echo(f"the database names the copies now: start the registry with {target}", err=True)
    elif move.switch:
        click.echo("nothing was switched; --without-lost leaves behind what cannot be copied", err=True)


def _as_json(move: _Move) -> dict[str, Any]:
    return {
        "switched": move.switched,
        "copied": {"count": move.copied.blobs, "size": move.copied.size},
        "dropped": move.copied.dropped,
        "not_copied": [
            {"digest": each.blob.digest, "key": each.blob.key, "size": each.blob.size, "fault": each.fault}
            for each in move.not_copied
        ],
    }
