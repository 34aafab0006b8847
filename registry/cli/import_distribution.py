"""`registry import --distribution`: all that a distribution registry has, into this one."""

from collections.abc import Callable
from typing import Any

import click

from registry.app.distribution_source import DistributionSource, open_source
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.progress import live_progress
from registry.cli.running import with_services
from registry.config import Config
from registry.services import distribution_import
from registry.services.context import Services
from registry.services.distribution_import import Imported, NotTaken
from registry.services.progress import Watcher
from storage_backends.distribution.data import DistributionData

_DONE, _NOT_ALL = 0, 1


def run(config: Config, source: DistributionSource, endpoint: str | None, *, json_output: bool) -> int:
    """Take over what is in `source`, print what became of it, and give the exit code."""
    not_taken: list[NotTaken] = []
    with live_progress() as progress:
        imported = with_services(
            config,
            lambda services: _import(services, source, endpoint, told=not_taken.append, progress=progress),
        )
    if json_output:
        output.print_json(_as_json(imported, not_taken))
    else:
        _print(imported, not_taken, collected=config.gc.untagged != "keep")
    return _NOT_ALL if not_taken else _DONE


async def _import(
    services: Services,
    source: DistributionSource,
    endpoint: str | None,
    *,
    told: Callable[[NotTaken], None],
    progress: Watcher,
) -> Imported:
    async with open_source(source, endpoint) as tree:
        data = DistributionData(tree)
        if not await data.is_there():
            raise click.ClickException(f"{source} holds no registry's data: there is no docker/registry/v2 in it")
        return await distribution_import.import_all(services, OPERATOR, data, told=told, progress=progress)


def _print(imported: Imported, not_taken: list[NotTaken], *, collected: bool) -> None:
    rows: list[list[object]] = [[each.kind, each.repository, each.name, each.reason] for each in not_taken]
    if rows:
        output.print_table(["NOT TAKEN", "REPOSITORY", "NAME", "WHY"], rows)
    click.echo(
        f"imported {output.counted(imported.repositories, 'repository')}, "
        f"{output.counted(imported.manifests, 'manifest')}, {output.counted(imported.tags, 'tag')}: "
        f"{output.counted(imported.copied, 'blob')} new, {output.size(imported.copied_size)}; "
        f"{imported.not_taken} not taken",
        err=True,
    )
    if imported.untagged and collected:
        click.echo(
            f"no tag leads to {output.counted(imported.untagged, 'manifest')}, which will be collected; "
            'gc.untagged = "keep" keeps such manifests',
            err=True,
        )


def _as_json(imported: Imported, not_taken: list[NotTaken]) -> dict[str, Any]:
    return {
        "repositories": imported.repositories,
        "manifests": imported.manifests,
        "tags": imported.tags,
        "untagged": imported.untagged,
        "copied": {"count": imported.copied, "size": imported.copied_size},
        "not_taken": [
            {"kind": each.kind, "repository": each.repository, "name": each.name, "reason": each.reason}
            for each in not_taken
        ],
    }
