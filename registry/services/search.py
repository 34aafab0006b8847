"""Finding repositories by what their names and descriptions say."""

from __future__ import annotations

from dataclasses import dataclass

from registry import limits
from registry.auth.subject import Subject
from registry.errors import ParameterInvalid
from registry.metadata.repository_values import FoundPage, Search
from registry.metadata.rows import Position
from registry.metadata.transaction import Transaction
from registry.metadata.visible import Visible
from registry.services.context import Services


@dataclass(frozen=True, slots=True)
class SearchText:
    """Words, all of which have to stand in a repository's name or where its description begins; in small letters."""

    terms: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> SearchText:
        """The words of `text`.

        Raises:
            ParameterInvalid: it has none, too many, or characters that cannot be shown.
        """
        terms = tuple(dict.fromkeys(text.lower().split()))
        if not 1 <= len(terms) <= limits.SEARCH_TERMS or len(text) > limits.SEARCH_CHARACTERS:
            raise _invalid()
        if not all(term.isprintable() and "\ufffd" not in term for term in terms):
            raise _invalid()
        return cls(terms)

    def __str__(self) -> str:
        return " ".join(self.terms)


async def repositories(
    services: Services, subject: Subject, text: SearchText, *, limit: int, after: Position | None = None
) -> FoundPage:
    """Up to `limit` of the repositories with all words of `text` that `subject` may pull from, the best first.

    First comes the one of that name, then names that begin with the text, those whose last component has the words,
    those that have them, and then descriptions. Words of one or two characters are found where words begin.
    """
    search = Search(str(text), text.terms, min(limit, services.settings.page_entries), after)
    return await services.database.read(_find, search, await services.policy.visible(subject))


def _find(tx: Transaction, search: Search, visible: Visible) -> FoundPage:
    return tx.repositories.find_by_text(search, visible)


def _invalid() -> ParameterInvalid:
    most, longest = limits.SEARCH_TERMS, limits.SEARCH_CHARACTERS
    return ParameterInvalid("q", f"1 to {most} words of printable characters, {longest} characters at most")
