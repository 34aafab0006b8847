"""How results are printed: tables for people, plain rows for pipes, JSON for programs."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.table import Table


_GAP: Final = 2
"""How far apart columns stand."""

_LAST_COLUMN: Final = 16
"""How wide the last column of a table is at least, if what stands there is longer."""


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
    """Print rows: on a terminal as a table with a head, else one line per row with tabs between its values.

    On a terminal that is too narrow for all columns but the last, each row becomes a block of lines, a value a line.
    """
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

    console = Console(no_color=bool(os.environ.get("NO_COLOR")))
    if _width(columns, rows) > console.width:
        for number, row in enumerate(rows):
            console.print(*([""] * bool(number)), _block(columns, row), sep="\n")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns[:-1]:
        table.add_column(column, no_wrap=True)
    # What is longest stands last, and may go on in the next line.
    table.add_column(columns[-1], overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    console.print(table)


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How wide a terminal has to be for a table."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
    return sum(widths[:-1]) + min(widths[-1], _LAST_COLUMN) + _GAP * (len(widths) - 1)


def _block(columns: Sequence[str], row: Sequence[str]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    block = Table(box=None, pad_edge=False, show_header=False)
    block.add_column(style="bold", no_wrap=True)
    block.add_column(overflow="fold")
    for column, value in zip(columns, row, strict=True):
        block.add_row(column, Text(value))
    return block


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
