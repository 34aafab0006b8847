"""`registry rebuild`: recover a lost database from the storage."""

from typing import Any, Final

import click

from registry.cli import output
from registry.cli.options import as_json, configured
from registry.cli.progress import live_progress
from registry.cli.running import with_any_services
from registry.config import Resolved
from registry.services import installation, rebuild
from registry.services.context import Services
from registry.services.progress import Watcher
from registry.services.rebuild import DatabaseNotEmpty, Loss, Rebuilt

_NOT_IN_STORAGE: Final = (
    "accounts and grants",
    "the history of tags",
    "pull times",
    "descriptions, visibility and protected tags",
    "when repositories were made and blobs pushed",
    "repositories that held nothing",
    "upload sessions",
    "changes of the last seconds before the loss",
)


@click.command("rebuild")
@as_json
@configured()
def command(resolved: Resolved, json_output: bool) -> None:
    """Recover a lost database from the storage.

    It comes back into one that has just been migrated. Nothing may serve the registry meanwhile. A rebuild that was
    killed is simply started again.
    """
    losses: list[Loss] = []
    try:
        with live_progress() as progress:
            rebuilt = with_any_services(resolved.config, lambda services: _rebuild(services, losses, progress))
    except DatabaseNotEmpty as error:
        message = "there is a registry in this database already; rebuild into an empty one (registry migrate makes it)"
        raise click.ClickException(message) from error
    if json_output:
        output.print_json(_as_json(rebuilt, losses))
        return
    rows: list[list[object]] = [[loss.kind, loss.repository, loss.name, loss.reason] for loss in losses]
    if rows:
        output.print_table(["LOST", "REPOSITORY", "NAME", "WHY: IT"], rows)
    click.echo(f"recovered {_told(rebuilt)}; {rebuilt.lost} {'loss' if rebuilt.lost == 1 else 'losses'}", err=True)
    click.echo(f"never in the storage: {', '.join(_NOT_IN_STORAGE)}", err=True)


async def _rebuild(services: Services, losses: list[Loss], progress: Watcher) -> Rebuilt:
    rebuilt = await rebuild.rebuild(services, told=losses.append, progress=progress)
    # What is recovered from a storage belongs to it.
    await installation.pair(services.database, services.store)
    return rebuilt


def _told(rebuilt: Rebuilt) -> str:
    return (
        f"{output.counted(rebuilt.repositories, 'repository')}, {output.counted(rebuilt.manifests, 'manifest')}, "
        f"{output.counted(rebuilt.tags, 'tag')}, "
        f"{output.counted(rebuilt.blobs, 'blob')} ({rebuilt.unindexed} of them by their bytes alone) "
        f"with {output.counted(rebuilt.links, 'link')}"
    )


def _as_json(rebuilt: Rebuilt, losses: list[Loss]) -> dict[str, Any]:
    return {
        "repositories": rebuilt.repositories,
        "blobs": rebuilt.blobs,
        "unindexed": rebuilt.unindexed,
        "links": rebuilt.links,
        "manifests": rebuilt.manifests,
        "tags": rebuilt.tags,
        "losses": [
            {"kind": loss.kind, "repository": loss.repository, "name": loss.name, "reason": loss.reason}
            for loss in losses
        ],
        "not_in_storage": _NOT_IN_STORAGE,
    }
