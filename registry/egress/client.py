"""The one way out, as a process holds it: the HTTP library is loaded and opened when it is first asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.config.values import Network
from registry.egress.contract import Answer, Question

if TYPE_CHECKING:
    import aiohttp


class Client:
    """Asks other servers; belongs to one event loop, and is closed by whoever made it."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        """Connect to public addresses and those of `allowed`."""
        self._allowed = allowed
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The guarded session, for a `RegistryClient` to ask by; its requests may raise `AddressRefused`."""
        # Imported here: most commands, and a registry that asks nobody, start without.
        from registry.egress.connecting import guarded_session

        if self._session is None:
            self._session = guarded_session(self._allowed)
        return self._session

    async def ask(self, question: Question) -> Answer:
        """See `Egress.ask`."""
        from registry.egress.asking import ask

        return await ask(self.session, question)

    async def close(self) -> None:
        """Close the connections that are open."""
        if self._session is not None:
            await self._session.close()
