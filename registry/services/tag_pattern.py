"""Which tags are meant: one by its name, or several by a pattern with `*`."""

from __future__ import annotations

from dataclasses import dataclass

from oci_spec.errors import TagInvalid
from oci_spec.reference import Tag
from registry.errors import TagPatternInvalid
from registry.wildcards import WILDCARD, fits


@dataclass(frozen=True, slots=True)
class TagPattern:
    """A tag's name, in which each `*` stands for any text."""

    text: str

    @classmethod
    def parse(cls, text: str) -> TagPattern:
        """The pattern that `text` is.

        Raises:
            TagPatternInvalid: no tag could fit.
        """
        try:
            # What stands for anything may stand for a letter.
            Tag.parse(text.replace(WILDCARD, "a"))
        except TagInvalid:
            raise TagPatternInvalid(text) from None
        return cls(text)

    def fits(self, tag: Tag) -> bool:
        """Whether it means `tag`."""
        return fits(self.text, str(tag))

    def __str__(self) -> str:
        return self.text
