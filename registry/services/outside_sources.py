"""Who is proved by others than this registry, as an htpasswd file or a directory: asked in an order that stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.authenticator import Authenticator, Identity
from registry.auth.passwords import encoded
from registry.auth.proved_passwords import ProvedPasswords
from registry.metadata.account_rows import Account


class OutsideSources:
    """The sources that are configured, the first of which that knows a name and a password decides."""

    def __init__(self, sources: Sequence[Authenticator] = (), clock: Callable[[], float] = time.monotonic) -> None:
        """Ask `sources` in their order; `clock` counts seconds."""
        self._sources = sources
        self._proved = ProvedPasswords(limits.OUTSIDE_PROOF_S, clock)

    async def prove(self, name: AccountName, password: str) -> Identity | None:
        """Who has this name and this password; None where no source knows them.

        Raises:
            DirectoryUnavailable: a source that comes before one that might know them cannot be asked: to go on would
                give a name to whoever has it in the wrong place.
            TooManyRequests: too many others are being proved.
        """
        for source in self._sources:
            identity = await source.prove(name, password)
            if identity is not None:
                return identity
        return None

    def remember(self, account: Account, password: str) -> None:
        """Know for a short while that `password` was the account's."""
        raw = encoded(password)
        if raw is not None:
            self._proved.add(account.id, account.generation, raw)

    def remembers(self, account: Account, password: str) -> bool:
        """Whether `password` was the account's a short while ago."""
        raw = encoded(password)
        return raw is not None and self._proved.holds(account.id, account.generation, raw)
