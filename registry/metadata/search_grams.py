"""The small pieces of texts and queries by which a search finds the one for the other.

A word is a run of letters and digits. Its grams are all threes of characters that follow each other in it, its first
character and its first two: so what has three characters of a word in a row is found anywhere, and what is shorter
where a word begins with it. Capital letters count as small ones.
"""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_SIZE: Final = 3


def of_text(text: str) -> frozenset[str]:
    """Give the grams of all words of `text`."""
    words = _WORD.findall(text.lower())
    beginnings = {word[:size] for word in words for size in range(1, _SIZE)}
    return frozenset(beginnings.union(*map(_threes, words)))


def of_term(term: str) -> frozenset[str]:
    """Give grams that every text has in which `term` is looked for; none if it has neither letters nor digits."""
    words = _WORD.findall(term.lower())
    threes = frozenset[str]().union(*map(_threes, words))
    # The first may be the end of a word, if others follow.
    return threes or frozenset(words[1:] or words)


def is_short(term: str) -> bool:
    """Whether `term` is found only where words begin."""
    return all(len(word) < _SIZE for word in _WORD.findall(term.lower()))


def _threes(word: str) -> set[str]:
    return {word[start : start + _SIZE] for start in range(len(word) - _SIZE + 1)}
