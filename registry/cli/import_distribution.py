"""`registry import --distribution`: all that a distribution registry has, into this one."""

from pathlib import Path
from typing import Any

import click

from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.progress import live_progress
from registry.cli.running import with_services
from registry.config import Config
from registry.services import distribution_import
from registry.services.context import Services
from registry.services.distribution_import import Imported, NotTaken
from registry.services.progress import Watcher

_DONE, _NOT_ALL = 0, 1


def run(config: Config, root: Path, *, json_output: bool) -> int:
    """Take over what is in the folder `root`, print what became of it, and give the exit code."""
    not_taken: list[NotTaken] = []
    with live_progress() as progress:
        imported = with_services(config, lambda services: _import(services, root, not_taken, progress=progress))
    if json_output:
        output.print_json(_as_json(imported, not_taken))
    else:
        _print(imported, not_taken, collected=config.gc.untagged != "keep")
    return _NOT_ALL if not_taken else _DONE


async def _import(services: Services, root: Path, not_taken: list[NotTaken], *, progress: Watcher) -> Imported:
    from storage_backends.distribution.data import DistributionData
    from storage_backends.distribution.folder import open_folder

    async with open_folder(root) as tree:
        data = DistributionData(tree)
        if not await data.is_there():
            raise click.ClickException(f"{root} holds no registry's data: there is no docker/registry/v2 in it")
        return await distribution_import.import_all(services, OPERATOR, data, told=not_taken.append, progress=progress)


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
