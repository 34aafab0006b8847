"""How results are printed: tables for people, plain rows for pipes, JSON for programs."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click


def print_json(value: Any) -> None:
    """Print one JSON document; times are RFC 3339, other values that JSON does not know are their text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def tell(sentence: str, document: Mapping[str, Any], *, json_output: bool) -> None:
    """Print what was done: a sentence for people, or a document for programs."""
    if json_output:
        print_json(document)
    else:
        click.echo(sentence)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows: on a terminal as a table with a head, else one line per row with tabs between its values."""
    texts = [[_cell(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, texts)
        return
    for row in texts:
        click.echo("\t".join(row))


def counted(count: int, thing: str) -> str:
    """A number of things for people, such as `1 blob` or `2 blobs`."""
    return f"{count} {thing}" if count == 1 else f"{count} {'repositories' if thing == 'repository' else thing + 's'}"


def size(count: int) -> str:
    """A size in bytes for people."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    # Imported here: it takes longer to load than most commands take to run.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    Console(no_color=bool(os.environ.get("NO_COLOR"))).print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
