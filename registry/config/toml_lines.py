"""Where a key stands in a TOML text: the standard parser does not tell, and an error should."""

import re
from typing import Final

_NAME: Final = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED: Final = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER: Final = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]")
_ASSIGNMENT: Final = re.compile(rf"\s*({_DOTTED})\s*=")
_PART: Final = re.compile(_NAME)


def line_of(text: str, name: str) -> int | None:
    """The line, counted from 1, that sets the dotted key or else begins the innermost table around it, or None.

    A best effort for messages: a line inside a multi-line string may be taken for a key.
    """
    lines = _lines(text)
    while name:
        if name in lines:
            return lines[name]
        name = name.rpartition(".")[0]
    return None


def _lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _plain(header[1])
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            key = _plain(assignment[1])
            lines.setdefault(f"{table}.{key}" if table else key, number)
    return lines


def _plain(dotted: str) -> str:
    return ".".join(part.strip("\"'") for part in _PART.findall(dotted))
