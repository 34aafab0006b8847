"""JSON documents that every reader understands alike (RFC 8259, "Parsers"; RFC 7493, "The I-JSON Message Format").

What a registry stores is read again by programs in other languages. A document that two parsers read differently, such
as one with a key given twice, would let its author show one image to the registry and another one to who pulls it.
"""

import json
import re
from typing import NoReturn

from oci_spec.quoting import quoted

MAX_DEPTH = 64
"""How deeply arrays and objects may be nested: many times what manifests need, and below every parser's own bound."""

MAX_VALUES = 250_000
"""The most values in one document: several times what 4 MiB of descriptors hold, and a quarter of a second's work."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Signed 64-bit integers have at most 19 digits; to convert longer ones exactly takes time that grows with their square.
_MAX_INTEGER_LENGTH = 20
# A string that never ends reaches to the end of the text; were it no match, the search would begin again at each quote.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class NotStrictJson(ValueError):
    """The bytes are not a document in strict JSON; never leaves this package, whose parsers raise their own errors."""


def parse_object(content: bytes, max_values: int = MAX_VALUES) -> dict[str, object]:
    """The JSON object that `content` is.

    Integers beyond 64 bits come back as floats, so that no field takes them for a size.

    Raises:
        NotStrictJson: the bytes are not UTF-8, begin with a byte order mark, are not exactly one JSON object, or hold
            a duplicate key, NaN, Infinity, an unpaired surrogate, more than `MAX_DEPTH` levels or more than
            `max_values` values.
    """
    text = _decode(content)
    _check_count(content, max_values)
    document = _parse(text)
    if not isinstance(document, dict):
        raise NotStrictJson("expected a JSON object")
    _check_depth(document)
    # Python's strings take unpaired surrogates, which no other program could be sent; they come only from escapes.
    if _SURROGATE_ESCAPE.search(content):
        _check_surrogates(document)
    return document


def _decode(content: bytes) -> str:
    if content.startswith(_BYTE_ORDER_MARK):
        raise NotStrictJson("it begins with a byte order mark")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotStrictJson(f"not UTF-8 at byte {error.start}") from None


def _check_count(content: bytes, bound: int) -> None:
    """Bound the work and the memory before they are spent: a list of nothing but brackets takes both by the second."""
    if _most_values(content) > bound and _most_values(_STRING.sub(b"", content)) > bound:
        raise NotStrictJson(f"it holds more than {bound} values")


def _most_values(content: bytes) -> int:
    """At least the number of values: each one is the document, the first in its parent, or stands after a comma."""
    return 1 + content.count(b"[") + content.count(b"{") + content.count(b",")


def _parse(text: str) -> object:
    try:
        document: object = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_int=_bounded_integer,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        # The parser's own error holds on to the whole text; only what is wrong and where goes further.
        raise NotStrictJson(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NotStrictJson(f"nested more deeply than {MAX_DEPTH} levels") from None
    return document


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise NotStrictJson(f"the key {quoted(key)} stands twice in one object")
        seen.add(key)
    raise AssertionError("unreachable: fewer fields than pairs without a duplicate key")


def _bounded_integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_INTEGER_LENGTH else float(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise NotStrictJson(f"{name} is not a JSON number")


def _check_depth(document: dict[str, object]) -> None:
    """Look at the document level by level, so that the answer does not depend on how deep the caller's stack is."""
    level: list[dict[str, object] | list[object]] = [document]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise NotStrictJson(f"nested more deeply than {MAX_DEPTH} levels")


def _check_surrogates(document: dict[str, object]) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotStrictJson("a string holds an unpaired surrogate") from None
