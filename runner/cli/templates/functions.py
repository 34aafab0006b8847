"""The functions of templates: Go's own, and those that docker adds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from runner.cli.templates.parsing import TemplateInvalid


def text_of(value: object) -> str:
    """A value as Go prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{text_of(key)}:{text_of(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list | tuple):
        return f"[{' '.join(map(text_of, value))}]"
    return str(value)


def is_true(value: object) -> bool:
    """Whether `if` takes it: all but nothing, false, zero and what is empty."""
    return bool(value)


def index(value: Any, *keys: Any) -> object:
    """An element of a list, or the value of a key: of nothing, nothing."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key, "")
        else:
            try:
                value = value[int(key)]
            except (IndexError, TypeError, ValueError, KeyError):
                raise TemplateInvalid(f"template: error calling index: {text_of(key)} is not there") from None
    return value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _printf(pattern: str, *values: object) -> str:
    parts = pattern.replace("%%", "\0").split("%")
    written, rest = [parts[0]], list(values)
    for part in parts[1:]:
        verb, tail = part[:1], part[1:]
        value = rest.pop(0) if rest else "%!" + verb + "(MISSING)"
        written += [json.dumps(text_of(value)) if verb == "q" else text_of(value), tail]
    return "".join(written).replace("\0", "%")


def _truncate(value: str, length: int) -> str:
    return value[:length]


def _println(*values: object) -> str:
    return " ".join(map(text_of, values)) + "\n"


def _pad(value: str, before: int, after: int) -> str:
    return " " * before + value + " " * after if value else value


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "and": lambda *values: next((value for value in values if not is_true(value)), values[-1]),
    "eq": lambda first, *others: any(first == other for other in others),
    "ge": lambda first, second: first >= second,
    "gt": lambda first, second: first > second,
    "index": index,
    "join": lambda values, separator: separator.join(map(text_of, values or ())),
    "json": _json,
    "le": lambda first, second: first <= second,
    "len": len,
    "lower": lambda value: value.lower(),
    "lt": lambda first, second: first < second,
    "ne": lambda first, second: first != second,
    "not": lambda value: not is_true(value),
    "or": lambda *values: next((value for value in values if is_true(value)), values[-1]),
    "pad": _pad,
    "print": lambda *values: "".join(map(text_of, values)),
    "printf": _printf,
    "println": _println,
    "slice": lambda value, *bounds: value[slice(*bounds)] if len(bounds) > 1 else value[bounds[0] :],
    "split": lambda value, separator: value.split(separator),
    "title": lambda value: value.title(),
    "truncate": _truncate,
    "upper": lambda value: value.upper(),
}
"""By their names; each is documented in the page of the command line."""
