"""`registry backup`: all metadata in one file, made while the registry serves."""

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
from registry.cli.running import refusals
from registry.config import Resolved

_PIPE: Final = Path("-")


@click.command("backup")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--without-keys", is_flag=True, help="Leave out the keys that sign tokens and seal uploads.")
@as_json
@configured()
def command(resolved: Resolved, target: Path, without_keys: bool, json_output: bool) -> None:
    """Write all metadata into one file, while the registry serves.

    FILE is - for standard output. The bytes of blobs are not in it; what the storage must hold is. Everything that was
    acknowledged before is. Keep the file as secret as the database.
    """
    from registry.services import backup

    if target == _PIPE and json_output:
        raise click.UsageError("standard output can hold the backup or JSON, not both")
    if target == _PIPE and sys.stdout.isatty():
        raise click.UsageError("a backup is nothing for a terminal; name a file, or lead the output elsewhere")
    config = resolved.config
    with refusals(), live_progress() as progress, _opened(target) as file:
        made = backup.write(
            url_of(config.database),
            file,
            storage=config.storage.backend,
            connecting=connecting_of(config.database),
            without_keys=without_keys,
            progress=progress,
        )
    if json_output:
        output.print_json(_as_json(made, target))
        return
    click.echo(
        f"backed up {output.counted(sum(made.header.tables.values()), 'row')} as of {made.header.made_at.isoformat()}; "
        f"the storage has to hold {output.counted(made.blobs, 'blob')}, {output.size(made.blob_size)}",
        err=True,
    )


@contextmanager
def _opened(target: Path) -> Iterator[BinaryIO]:
    from registry.services.backup_file import written

    if target == _PIPE:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with written(target) as file:
        yield file


def _as_json(made: Any, target: Path) -> dict[str, Any]:
    return {
        "file": str(target),
        "made_at": made.header.made_at,
        "schema": made.header.schema,
        "storage": made.header.storage,
        "tables": made.header.tables,
        "blobs": {"count": made.blobs, "size": made.blob_size},
        "sha256": made.checksum,
    }
