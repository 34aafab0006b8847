"""The token server: what of the asked scopes a subject gets, and the tokens that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry import limits
from registry.auth.permission import Permission
from registry.auth.policy import Policy
from registry.auth.scope import EVERYTHING
from registry.auth.secret_text import SecretKind, generate, hash_of
from registry.auth.subject import PASSWORD, Subject
from registry.auth.token_scope import TokenScope
from registry.auth.tokens import Issued, Tokens
from registry.errors import NamespaceUnknown
from registry.metadata.account_rows import LOCAL, NewCredential
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.services.logins import Logins
from registry.services.openid_logins import OpenIdLogins


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, what it grants of what was asked, and a refresh token where one was asked for and may be given."""

    token: Issued
    scopes: tuple[TokenScope, ...]
    refresh_token: str | None


class TokenServer:
    """Issues tokens under the rules of `policy`; `logins` tell for whom, `tokens` what their bearer proves later.

    `openid` takes the word of an OpenID provider, where one is configured.
    """

    def __init__(
        self, database: Database, policy: Policy, logins: Logins, tokens: Tokens, *, openid: OpenIdLogins | None = None
    ) -> None:
        self.logins = logins
        self.tokens = tokens
        self.openid = openid
        self._database = database
        self._policy = policy

    async def grant(
        self, subject: Subject, asked: Sequence[TokenScope], *, client: str = "", offline_at: datetime | None = None
    ) -> Granted:
        """A token with as much of `asked` as `subject` may do now; to grant nothing is no error.

        With `offline_at`, the present moment, `client` also gets a refresh token, if it brought a password that is kept
        here: other proofs are kept by clients in its place, and an outside source has to be asked each time, for it
        does not tell whom it knows no longer.
        """
        scopes = tuple([narrowed for scope in asked if (narrowed := await self._narrowed(subject, scope)).actions])
        token = await self.tokens.issue(subject, scopes)
        refresh = await self._refresh_token(subject, client, offline_at) if offline_at is not None else None
        return Granted(token, scopes, refresh)

    async def _narrowed(self, subject: Subject, scope: TokenScope) -> TokenScope:
        permissions = [permission for permission in scope.permissions if await self._may(subject, permission, scope)]
        held = TokenScope.of(scope.repository, permissions).actions
        return TokenScope(scope.repository, scope.actions if scope.actions <= held else held & _meant(scope))

    async def _may(self, subject: Subject, permission: Permission, scope: TokenScope) -> bool:
        try:
            return await self._policy.allows(subject, permission, scope.repository)
        except NamespaceUnknown:
            # Whoever pushes there is to be told so, and not that they have no right: with a token they get so far.
            return True

    async def _refresh_token(self, subject: Subject, client: str, moment: datetime) -> str | None:
        proof = subject.proof
        if subject.account_id is None or proof is None or proof.kind != PASSWORD:
            return None
        secret = generate(SecretKind.REFRESH)
        new = NewCredential(
            account_id=subject.account_id,
            kind=SecretKind.REFRESH,
            name=client,
            hash=hash_of(secret),
            scope=str(EVERYTHING),
            generation=proof.generation,
            created_at=moment,
            created_by=str(subject),
            expires_at=moment + timedelta(seconds=limits.REFRESH_TOKEN_S),
        )
        return secret if await self._database.write(_make, new) else None


def _meant(scope: TokenScope) -> frozenset[str]:
    """The actions that are asked for, with all those that `*` stands for."""
    return TokenScope.of(scope.repository, scope.permissions).actions


def _make(tx: Transaction, new: NewCredential) -> bool:
    account = tx.accounts.find_by_id(new.account_id)
    # Meanwhile the password may have been replaced, to keep its holder out.
    if account is None or account.source != LOCAL or account.generation != new.generation:
        return False
    made = tx.credentials.make(new)
    others = [each for each in tx.credentials.list(account.id) if each.kind == SecretKind.REFRESH and each != made]
    # Those that were never used go first: whoever makes many does not log clients out that are in use.
    others.sort(key=lambda each: (each.last_used_at is not None, each.last_used_at or each.created_at, each.id))
    surplus = len(others) + 1 - limits.REFRESH_TOKENS_OF_ACCOUNT
    tx.credentials.remove([each.id for each in others[: max(0, surplus)]])
    return True
