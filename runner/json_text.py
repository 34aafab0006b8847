"""JSON without the standard library's `json`, whose import (with `re` and `enum`) costs as much as a small container.

It is the same scanner, written in C, that `json` itself uses. Whoever only writes plain texts does without it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_BLANKS = " \t\n\r"
# Longer texts are quicker in C than to be looked at.
_SHORT = 256


class JsonInvalid(ValueError):
    """The text is no JSON."""


class _Context:
    """What the scanner asks `json.JSONDecoder` for."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    memo: dict[str, str]

    def __init__(self) -> None:
        self.memo = {}

    @staticmethod
    def parse_constant(name: str) -> NoReturn:
        raise JsonInvalid(f"{name} is no number")


def decode(text: str) -> object:
    """The value that a JSON text is.

    Raises:
        JsonInvalid: it is none.
    """
    from _json import make_scanner

    trimmed = text.strip(_BLANKS)
    try:
        value, end = make_scanner(_Context())(trimmed, 0)  # type: ignore[arg-type]
    except (StopIteration, RecursionError):
        raise JsonInvalid("no JSON") from None
    except ValueError as error:
        raise JsonInvalid(str(error)) from error
    if end != len(trimmed):
        raise JsonInvalid("something follows the JSON")
    return value


def encode(value: object) -> str:
    """A value of strings, integers, booleans, None, lists, tuples and dicts, on one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(encode, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_string(name)}: {encode(item)}' for name, item in value.items())}}}"
    raise TypeError(f"{type(value).__name__} has no JSON")


def _string(text: str) -> str:
    if len(text) < _SHORT and text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    from _json import encode_basestring_ascii

    return encode_basestring_ascii(text)
