"""What can prove a name and a password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from registry.auth.account_name import AccountName


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was proved: the name, and what `source` itself calls whoever has it, for as long as they are known there."""

    name: AccountName
    source: str
    external_id: str


class Authenticator(Protocol):
    """One place where names and passwords are known."""

    async def prove(self, name: AccountName, password: str) -> Identity | None:
        """Who has this name and this password; None where nobody has, and for every robot's name.

        Raises:
            DirectoryUnavailable: it cannot be found out now.
            TooManyRequests: too many others are being proved.
        """
        ...
