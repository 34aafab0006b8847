"""Whom a role is granted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.auth.account_name import AccountName, TeamName

_TEAM: Final = "@"


@dataclass(frozen=True, slots=True)
class Grantee:
    """A user or a robot by its name, or a team as `@org/team`."""

    name: AccountName | TeamName

    @classmethod
    def parse(cls, text: str) -> Grantee:
        """The grantee that `text` is.

        Raises:
            AccountNameInvalid, TeamNameInvalid: it is none.
        """
        if text.startswith(_TEAM):
            return cls(TeamName.parse(text.removeprefix(_TEAM)))
        return cls(AccountName.parse(text))

    @property
    def namespace(self) -> str:
        """The namespace whose owners look after the grantee."""
        return str(self.name.organisation) if isinstance(self.name, TeamName) else self.name.namespace

    def __str__(self) -> str:
        return f"{_TEAM}{self.name}" if isinstance(self.name, TeamName) else str(self.name)
