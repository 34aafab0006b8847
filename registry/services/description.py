"""What a repository's owner says about it: Markdown, whose first line stands in lists."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from registry import limits
from registry.errors import DescriptionInvalid

_CONTROL = "Cc"


@dataclass(frozen=True, slots=True)
class Description:
    """Markdown text that can be stored and shown; empty where there is nothing to say."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Description:
        """The description that `text` is.

        Raises:
            DescriptionInvalid: it is too long, no Unicode, or has control characters other than newlines and tabs.
        """
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise DescriptionInvalid("it is no Unicode text") from None
        if size > limits.DESCRIPTION_BYTES:
            raise DescriptionInvalid(f"it has {size} bytes, and may have {limits.DESCRIPTION_BYTES}")
        for character in text:
            if character not in "\n\t" and unicodedata.category(character) == _CONTROL:
                raise DescriptionInvalid(f"it holds the control character U+{ord(character):04X}")
        return cls(text)

    def __str__(self) -> str:
        return self.text


def headline(opening: str) -> str:
    """The first line of the description that begins with `opening`, without what makes it a heading, and cut."""
    line = next((line for line in opening.split("\n") if line.strip()), "")
    plain = " ".join(line.lstrip("# \t").split())
    return plain if len(plain) <= limits.HEADLINE_CHARACTERS else f"{plain[: limits.HEADLINE_CHARACTERS - 1]}…"
