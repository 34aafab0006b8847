"""The names of people, robots, organisations and teams."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from registry import limits
from registry.errors import AccountNameInvalid, TeamNameInvalid

# One component of a repository's name, since a user's or an organisation's name is its namespace.
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:\+{_COMPONENT})?")
_TEAM: Final = re.compile(rf"({_COMPONENT})/({_COMPONENT})")


@dataclass(frozen=True, slots=True, order=True)
class AccountName:
    """A name that one account has: `alice` of a person, `team+ci` of the robot `ci` in the namespace `team`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> AccountName:
        """The name that `text` is.

        Raises:
            AccountNameInvalid: it is none.
        """
        if len(text) > limits.ACCOUNT_NAME_CHARACTERS or not _NAME.fullmatch(text):
            raise AccountNameInvalid(text, limits.ACCOUNT_NAME_CHARACTERS)
        return cls(text)

    @property
    def is_robot(self) -> bool:
        """Whether it is a robot's."""
        return "+" in self.text

    @property
    def namespace(self) -> str:
        """The namespace that goes with it: a person's own, or the one that a robot belongs to."""
        return self.text.partition("+")[0]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, order=True)
class TeamName:
    """A team by the name that it alone has: `org/developers` of the team `developers` in the organisation `org`."""

    organisation: AccountName
    team: str

    @classmethod
    def parse(cls, text: str) -> TeamName:
        """The name that `text` is.

        Raises:
            TeamNameInvalid: it is none.
        """
        longest = limits.ACCOUNT_NAME_CHARACTERS
        # Measured before it is matched: no text is read that could not be a name.
        found = _TEAM.fullmatch(text) if len(text) <= 2 * longest + 1 else None
        if found is None or max(map(len, found.groups())) > longest:
            raise TeamNameInvalid(text, longest)
        return cls(AccountName(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.organisation}/{self.team}"
