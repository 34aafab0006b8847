"""Whose our own bearer tokens are, at every request: verified, and of an account and credential that are in force.

All of it costs a fifth of a small request. So what was found out is remembered for as long as it holds: until the
database changes, the signing keys are to be read again, or the token, its account or its credential ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

from registry import limits
from registry.auth.rules import RulesPolicy
from registry.auth.subject import Subject
from registry.auth.tokens import Tokens
from registry.errors import LoginFailed
from registry.metadata.database import Database
from registry.metadata.recollection import UNKNOWN


class Bearers:
    """Proves who brings a token of ours; belongs to one event loop."""

    def __init__(
        self, tokens: Tokens, policy: RulesPolicy, database: Database, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Have `tokens` verified, and ask `policy` about accounts; both go by `database` and `clock`."""
        self._tokens = tokens
        self._policy = policy
        # By the header's hash: the subject, and from when until when it is certain.
        self._certain = database.lookups.conclusions()
        self._clock = clock

    def certain(self, header: str) -> Subject | None:
        """Who was found out to send this `Authorization`, if that is still certain; quick."""
        known = self._certain.recall(_digest(header))
        # A clock that was set back makes nothing certain for longer.
        if known is UNKNOWN or not known[1] <= self._clock() < known[2]:
            return None
        subject: Subject = known[0]
        return subject

    async def subject(self, header: str, text: str) -> Subject:
        """Who brings the token `text` by this `Authorization`.

        Raises:
            TokenInvalid, TokenExpired: it proves nothing.
            LoginFailed: it does, but what it was given for does not count any more.
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        digest = _digest(header)
        # Asked again, for the state of the database that what follows is found in.
        self._certain.recall(digest)
        state, since = self._certain.state, self._clock()
        verified = await self._tokens.verify(text)
        subject, until = verified.subject, await self._lives_until(verified.subject)
        # Others may have recalled something in a newer state, in which this need not be so.
        if state is not None and self._certain.state is state:
            until = min(until, verified.expires_at + limits.TOKEN_SKEW_S, self._tokens.certain_until)
            self._certain.keep(digest, (subject, since, until))
        return subject

    async def lapsed(self, text: str, forgiven_s: float) -> Subject:
        """Who brings the token `text`, whose time may be over for less than `forgiven_s`; found out anew each time.

        Whoever asks must have another proof beside it.

        Raises:
            TokenInvalid, TokenExpired, LoginFailed, DatabaseUnavailable, DatabaseBusy: as `subject`.
        """
        subject = (await self._tokens.verify_lapsed(text, forgiven_s)).subject
        await self._lives_until(subject)
        return subject

    async def _lives_until(self, subject: Subject) -> float:
        until = await self._policy.lives_until(subject)
        if until is None:
            raise LoginFailed
        return until


def _digest(header: str) -> bytes:
    return sha256(header.encode("utf-8", "surrogatepass")).digest()
