"""`registry export`: a repository, or some of its tags, as an OCI image layout."""

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import click

from oci_spec.reference import Reference, Tag
from registry.auth.permission import Permission
from registry.cli import output
from registry.cli.options import NAMED, TAG, Named, as_json, configured
from registry.cli.progress import live_progress
from registry.cli.running import operator_access, with_services
from registry.config import Resolved
from registry.services import layout_export
from registry.services.context import Services
from registry.services.layout_export import Exported, Selection
from registry.services.progress import Watcher
from storage_backends.layouts.contract import LayoutWriter

_PIPE: Final = Path("-")

# Who names a file like this means no directory.
_COMPRESSED: Final = (".tgz", ".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2")


@click.command("export")
@click.argument("name", metavar="REPOSITORY[:TAG|@DIGEST]", type=NAMED)
@click.argument("target", metavar="TARGET", type=click.Path(path_type=Path))
@click.option("--tag", "tags", type=TAG, multiple=True, metavar="TAG", help="Export this tag too; may be repeated.")
@click.option("--no-referrers", is_flag=True, help="Leave out signatures and whatever else refers to the images.")
@as_json
@configured()
def command(
    resolved: Resolved, *, name: Named, target: Path, tags: tuple[Tag, ...], no_referrers: bool, json_output: bool
) -> None:
    """Write a repository, or some of its tags, as an OCI image layout.

    TARGET is a directory, a file whose name ends in .tar, or - for a tar archive on standard output. Without a tag or
    digest all tags are written. The registry may run meanwhile. An export into a directory that was interrupted goes on
    where it was.
    """
    if target == _PIPE and json_output:
        raise click.UsageError("standard output can hold the archive or JSON, not both")
    if target == _PIPE and sys.stdout.isatty():
        raise click.UsageError("an archive is nothing for a terminal; name a file, or lead the output elsewhere")
    if target.name.endswith(_COMPRESSED) and not target.is_dir():
        raise click.UsageError(f"{target} would not be compressed: name a file that ends in .tar")
    references: tuple[Reference, ...] = (*((name.reference,) if name.reference is not None else ()), *tags)
    selection = Selection(tuple(dict.fromkeys(references)), with_referrers=not no_referrers)
    with live_progress() as progress:
        exported = with_services(
            resolved.config, lambda services: _export(services, name, selection, target, progress=progress)
        )
    _print(exported, name, target, json_output=json_output)


async def _export(
    services: Services, name: Named, selection: Selection, target: Path, *, progress: Watcher
) -> Exported:
    access = await operator_access(services, Permission.PULL, name.repository)
    async with _opened(target) as layout:
        return await layout_export.export(services, access, selection, layout, progress=progress)


def _opened(target: Path) -> AbstractAsyncContextManager[LayoutWriter]:
    from storage_backends.layouts.writing import archive_target, folder_target, pipe_target

    if target == _PIPE:
        return pipe_target(sys.stdout.fileno())
    if target.suffix == ".tar" and not target.is_dir():
        return archive_target(target)
    return folder_target(target)


def _print(exported: Exported, name: Named, target: Path, *, json_output: bool) -> None:
    if json_output:
        output.print_json(_as_json(exported, name, target))
        return
    if target != _PIPE:
        output.print_table(["TAG", "DIGEST"], [[tag, digest] for tag, digest in exported.tags.items()])
    absent = f"; {exported.absent} pieces of content are not in this registry" if exported.absent else ""
    click.echo(
        f"exported {output.counted(len(exported.tags), 'tag')}, {output.counted(exported.manifests, 'manifest')}, "
        f"{output.counted(exported.blobs, 'blob')}: "
        f"{output.size(exported.size)}, {output.size(exported.copied_size)} of it new{absent}",
        err=True,
    )


def _as_json(exported: Exported, name: Named, target: Path) -> dict[str, Any]:
    return {
        "name": name.repository,
        "target": target,
        "tags": [{"name": tag, "digest": digest} for tag, digest in exported.tags.items()],
        "manifests": exported.manifests,
        "blobs": exported.blobs,
        "size": exported.size,
        "copied": {"count": exported.copied, "size": exported.copied_size},
        "absent": exported.absent,
    }
