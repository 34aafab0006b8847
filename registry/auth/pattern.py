"""Which repositories are meant: one by its name, or several by a pattern with `*`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from oci_spec.errors import OciSpecError
from oci_spec.reference import RepositoryName
from registry import limits
from registry.errors import PatternInvalid
from registry.wildcards import WILDCARD, fits

_EVERYWHERE: Final = ""
_CHARACTERS: Final = re.compile(r"[a-z0-9._/*-]+")


@dataclass(frozen=True, slots=True)
class RepositoryPattern:
    """A repository's name, in which each `*` stands for any text, slashes too.

    The namespace, which comes before the first slash, is one name or all of it is `*`: so a check needs to look at the
    patterns of one namespace only.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> RepositoryPattern:
        """The pattern that `text` is.

        Raises:
            PatternInvalid: no repository could fit, or it begins to leave its namespace open in the middle of its name.
        """
        if len(text) > limits.PATTERN_CHARACTERS or not _CHARACTERS.fullmatch(text):
            raise PatternInvalid(text, limits.PATTERN_CHARACTERS)
        try:
            # What stands for anything may stand for a letter.
            RepositoryName.parse(text.replace(WILDCARD, "a"))
        except OciSpecError:
            raise PatternInvalid(text, limits.PATTERN_CHARACTERS) from None
        namespace = text.partition("/")[0]
        if WILDCARD in namespace and text != WILDCARD:
            raise PatternInvalid(text, limits.PATTERN_CHARACTERS)
        return cls(text)

    @property
    def is_name(self) -> bool:
        """Whether it means one repository."""
        return WILDCARD not in self.text

    @property
    def namespace(self) -> str | None:
        """The namespace that all its repositories are in, None where it is any."""
        return None if self.text == WILDCARD else RepositoryName.parse(self.text.replace(WILDCARD, "a")).namespace

    @property
    def bucket(self) -> str:
        """What a check finds it by: see `buckets`."""
        if self.is_name:
            return self.text
        return _EVERYWHERE if self.namespace is None else f"{self.namespace}/"

    def fits(self, repository: RepositoryName) -> bool:
        """Whether it means `repository`."""
        return fits(self.text, str(repository))

    def __str__(self) -> str:
        return self.text


def buckets(repository: RepositoryName) -> tuple[str, str, str]:
    """The buckets of all patterns that may fit `repository`."""
    return str(repository), f"{repository.namespace}/", _EVERYWHERE
