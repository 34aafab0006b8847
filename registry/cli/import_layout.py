"""`registry import`: an OCI image layout into a repository, or another registry's data."""

import sys
from pathlib import Path
from typing import Any, Final

import click

from oci_spec.reference import Tag
from registry import limits
from registry.app.distribution_source import DistributionSource
from registry.auth.permission import Permission
from registry.cli import import_distribution, output
from registry.cli.options import NAMED, TAG, Named, Parsed, as_json, configured
from registry.cli.progress import live_progress
from registry.cli.running import operator_access, with_services
from registry.config import Resolved
from registry.services import layout_import
from registry.services.context import Services
from registry.services.layout_import import Choice, Imported
from registry.services.progress import Watcher

_PIPE: Final = Path("-")
_DISTRIBUTION: Final[Parsed[DistributionSource]] = Parsed("folder or bucket", DistributionSource.parse)


@click.command("import")
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path), required=False)
@click.argument("name", metavar="REPOSITORY[:TAG]", type=NAMED, required=False)
@click.option(
    "--tag", "tags", type=TAG, multiple=True, metavar="TAG", help="Import only this tag of the layout; may be repeated."
)
@click.option(
    "--distribution",
    metavar="DIR|S3",
    type=_DISTRIBUTION,
    help="Take over all that a distribution registry has stored there, in place of a layout.",
)
@click.option("--endpoint", metavar="URL", help="With --distribution s3://…: the S3 server, if it is not Amazon's.")
@as_json
@configured()
def command(
    resolved: Resolved,
    *,
    source: Path | None,
    name: Named | None,
    tags: tuple[Tag, ...],
    distribution: DistributionSource | None,
    endpoint: str | None,
    json_output: bool,
) -> int:
    """Read an OCI image layout, or take over another registry's data.

    SOURCE is a directory, a tar archive, or - for one on standard input. The tags are those of the layout; with :TAG
    one image gets that tag. What refers to the images comes with them. The registry may run meanwhile. An import that
    was interrupted goes on where it was.

    With --distribution there is no SOURCE: all repositories with their tags are taken from the folder, or from
    s3://BUCKET/PREFIX, in which distribution (registry:2, registry:3) keeps its data. Exit code 1 when some of it could
    not be taken.
    """
    if endpoint is not None and (distribution is None or distribution.folder is not None):
        raise click.UsageError("--endpoint goes with --distribution s3://BUCKET/PREFIX")
    if distribution is not None:
        if source is not None or tags:
            raise click.UsageError("with --distribution all repositories are taken, under their own names")
        return import_distribution.run(resolved.config, distribution, endpoint, json_output=json_output)
    if source is None or name is None:
        raise click.UsageError("Missing argument 'SOURCE REPOSITORY[:TAG]'")
    _import_layout(resolved, source, name, tags, json_output=json_output)
    return 0


def _import_layout(resolved: Resolved, source: Path, name: Named, tags: tuple[Tag, ...], *, json_output: bool) -> None:
    if name.reference is not None and not isinstance(name.reference, Tag):
        raise click.UsageError("what is imported can be given a tag, not a digest")
    if source == _PIPE and sys.stdin.isatty():
        raise click.UsageError("there is no archive on standard input, but a terminal")
    choice = Choice(tags, name.reference)
    with live_progress() as progress:
        imported = with_services(
            resolved.config, lambda services: _import(services, source, name, choice, progress=progress)
        )
    if json_output:
        output.print_json(_as_json(imported, name))
    else:
        _print(imported, name, collected=resolved.config.gc.untagged != "keep")


async def _import(services: Services, source: Path, name: Named, choice: Choice, *, progress: Watcher) -> Imported:
    from storage_backends.layouts.reading import open_layout

    # A push asks for both: what is here already is not sent again.
    await operator_access(services, Permission.PULL, name.repository)
    access = await operator_access(services, Permission.PUSH, name.repository)
    opened = sys.stdin.fileno() if source == _PIPE else source
    async with open_layout(opened, max_members=limits.LAYOUT_MEMBERS) as layout:
        return await layout_import.import_layout(services, access, layout, choice, progress=progress)


def _print(imported: Imported, name: Named, *, collected: bool) -> None:
    output.print_table(["TAG", "DIGEST"], [[tag, digest] for tag, digest in imported.tags.items()])
    click.echo(
        f"imported {output.counted(len(imported.tags), 'tag')}, {output.counted(imported.manifests, 'manifest')}, "
        f"{output.counted(imported.blobs, 'blob')}: "
        f"{output.size(imported.size)}, {output.size(imported.copied_size)} of it new",
        err=True,
    )
    for digest in imported.untagged if collected else ():
        keep = f"registry tag move {name.repository} TAG {digest}"
        click.echo(f"{digest} has no tag and will be collected; keep it with: {keep}", err=True)


def _as_json(imported: Imported, name: Named) -> dict[str, Any]:
    return {
        "name": name.repository,
        "tags": [{"name": tag, "digest": digest} for tag, digest in imported.tags.items()],
        "untagged": imported.untagged,
        "manifests": imported.manifests,
        "blobs": imported.blobs,
        "size": imported.size,
        "copied": {"count": imported.copied, "size": imported.copied_size},
    }
