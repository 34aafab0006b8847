"""Tables and numbers as docker shows them, and `--format`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from runner.cli.errors import Failed

_LEAST_WIDTH = 10
_GAP = 3
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_SHORT_SPANS = (
    (1, "Less than a second"),
    (2, "1 second"),
    (60, "{seconds} seconds"),
    (120, "About a minute"),
    (3600, "{minutes} minutes"),
)
# By whole hours, to which docker rounds before it counts days and what is longer.
_LONG_SPANS = (
    (2, "About an hour"),
    (48, "{hours} hours"),
    (14 * 24, "{days} days"),
    (60 * 24, "{weeks} weeks"),
    (2 * 365 * 24, "{months} months"),
)

Row = Mapping[str, object]


def listing(rows: Sequence[Row], columns: Mapping[str, str], template: str | None) -> str:
    """Rows as a table with the heads of `columns` (field to head), or as `--format` says: a template for each.

    Raises:
        Failed: the template makes no sense.
    """
    if template is None or template == "table":
        return table([list(columns.values()), *([str(row[field]) for field in columns] for row in rows)])
    if template == "json":
        return "".join(f"{json.dumps(row, ensure_ascii=False, separators=(',', ':'))}\n" for row in rows)
    if template.startswith("table "):
        return _templated_table(rows, columns, template.removeprefix("table ").strip())
    return "".join(f"{line}\n" for line in formatted(template, rows))


def formatted(template: str, documents: Sequence[object]) -> list[str]:
    """What the template makes of each document.

    Raises:
        Failed: the template makes no sense.
    """
    from runner.cli.templates.evaluation import render
    from runner.cli.templates.parsing import TemplateInvalid, parse

    try:
        nodes = parse(_unescaped(template))
        return [render(nodes, document) for document in documents]
    except TemplateInvalid as error:
        raise Failed(str(error)) from error


def table(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns, with docker's widths."""
    count = max((len(line) for line in lines), default=0)
    widths = [
        max(_LEAST_WIDTH, *(len(line[column]) + _GAP for line in lines if column < len(line) - 1), 0)
        for column in range(count)
    ]
    return "".join(
        "".join(cell.ljust(widths[column]) for column, cell in enumerate(line[:-1])) + line[-1] + "\n"
        for line in lines
        if line
    )


def size_text(size: int) -> str:
    """A number of bytes with three digits: `7.33MB`."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.3g}{_UNITS[unit]}" if value < 999.5 or unit == 0 else f"{value:.0f}{_UNITS[unit]}"


def ago(time: str, now: datetime | None = None) -> str:
    """How long ago a time of RFC 3339 was: `3 weeks ago`; "N/A" where there is none."""
    return f"{span(time, now)} ago" if time else "N/A"


def clock_text(time: str) -> str:
    """A time of RFC 3339 as docker's lists show it: `2026-11-27 19:24:31 +0000 UTC`; "N/A" where there is none."""
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M:%S} +0000 UTC" if time else "N/A"


def span(time: str, now: datetime | None = None) -> str:
    """How long ago a time of RFC 3339 was: `3 weeks`."""
    return _span(int(((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds()))


def _span(seconds: int) -> str:
    for bound, text in _SHORT_SPANS:
        if seconds < bound:
            return text.format(seconds=seconds, minutes=seconds // 60)
    hours = (seconds + 1800) // 3600
    days = hours // 24
    for bound, text in _LONG_SPANS:
        if hours < bound:
            return text.format(hours=hours, days=days, weeks=days // 7, months=days // 30)
    # But for years.
    return f"{seconds // 3600 // 24 // 365} years"


def _templated_table(rows: Sequence[Row], columns: Mapping[str, str], template: str) -> str:
    heads = {**{field: _head(field) for row in rows[:1] for field in row}, **columns}
    lines = formatted(template, [heads, *rows])
    return table([line.split("\t") for line in lines])


def _head(field: str) -> str:
    """The head of a column that is not among the usual ones: `CreatedAt` is CREATED AT."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field).upper()


def _unescaped(template: str) -> str:
    # Shells pass these on as they are written, and docker reads them.
    return template.replace("\\t", "\t").replace("\\n", "\n")
