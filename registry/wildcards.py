"""Patterns in which `*` stands for any text: the one place where they are compared with names."""

from __future__ import annotations

from typing import Final

WILDCARD: Final = "*"


def fits(pattern: str, name: str) -> bool:
    """Whether `name` is `pattern` with some text, or none, for each `*`.

    Takes a time that grows with the product of the lengths, never more.
    """
    first, *others = pattern.split(WILDCARD)
    if not others:
        return name == first
    if not name.startswith(first):
        return False
    position, last = len(first), others.pop()
    for part in others:
        found = name.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return len(name) - position >= len(last) and name.endswith(last)
