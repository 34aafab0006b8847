"""Tokens of people and robots: random secrets that are shown once, reach as far as was said, and can be revoked.

`registry.services.account_access` says who looks after whose, and with what proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.policy import require_password
from registry.auth.scope import EVERYTHING, Scope
from registry.auth.secret_text import SecretKind, generate, hash_of
from registry.auth.subject import Subject
from registry.errors import AccountUnknown, CredentialInvalid, CredentialsTooMany, CredentialUnknown
from registry.metadata.account_rows import Account, AccountKind, Credential, NewCredential
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.account_access import require_keeper, require_standing_proof
from registry.services.accounts import found
from registry.services.context import Services, now

_KINDS: Final = {AccountKind.USER: SecretKind.PERSONAL, AccountKind.ROBOT: SecretKind.ROBOT}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """What a token shall be: its name, to know it again by, how far it reaches, and when it ends (None: never)."""

    name: str
    scope: Scope = EVERYTHING
    expires_at: datetime | None = None

    def check(self) -> None:
        """Return if there can be such a token; otherwise raise.

        Raises:
            CredentialInvalid: it cannot have this name, reach or end.
        """
        checked_name(self.name)
        _check_scope(self.scope)
        if self.expires_at is not None:
            _check_end(self.expires_at)


async def create(
    services: Services,
    subject: Subject,
    owner: AccountName,
    *,
    name: str,
    scope: Scope,
    expires_at: datetime | None,
) -> tuple[str, Credential]:
    """The secret of a new token of `owner`, which is kept nowhere, and the token. Room is made by ended ones.

    Raises:
        AccountUnknown: there is no such account, or it is somebody else's.
        CredentialInvalid: it cannot have this name, reach or end.
        CredentialsTooMany: its owner has as many in force as may be.
        Denied, PasswordRequired, LoginFailed: it is not allowed, to this proof or any more.
    """
    await require_keeper(services, subject, owner)
    require_password(subject)
    wish = TokenWish(name=name, scope=scope, expires_at=expires_at)
    wish.check()
    return await services.database.write(make, owner, wish, subject)


async def listing(services: Services, subject: Subject, owner: AccountName) -> list[Credential]:
    """All tokens of `owner`, newest first, revoked ones and those that expired a while ago too.

    Those by which clients stay logged in are not among them.

    Raises:
        AccountUnknown: there is no such account, or it is somebody else's.
        Denied: the credential does not reach this far.
    """
    await require_keeper(services, subject, owner)
    return await services.database.read(_listing, owner)


async def revoke(services: Services, subject: Subject, owner: AccountName, credential_id: int) -> None:
    """End a token of `owner`, at once and everywhere.

    Raises:
        AccountUnknown: there is no such account, or it is somebody else's.
        CredentialUnknown: it has no such token, or it is revoked already.
        Denied: the credential does not reach this far.
    """
    await require_keeper(services, subject, owner)
    await services.database.write(_revoke, owner, credential_id, str(subject))


def checked_name(text: str) -> str:
    """The name of a token that `text` is.

    Raises:
        CredentialInvalid: it is none.
    """
    if not 0 < len(text) <= limits.CREDENTIAL_NAME_CHARACTERS or not text.isprintable():
        raise CredentialInvalid(f"its name has to be 1 to {limits.CREDENTIAL_NAME_CHARACTERS} printable characters")
    return text


def _check_scope(scope: Scope) -> None:
    if not scope.actions or not scope.patterns:
        raise CredentialInvalid("it would be for nothing")
    if len(scope.patterns) > limits.CREDENTIAL_PATTERNS:
        raise CredentialInvalid(f"it can be for {limits.CREDENTIAL_PATTERNS} repositories or patterns at most")


def _check_end(expires_at: datetime) -> None:
    lifetime = expires_at - now()
    if lifetime <= timedelta():
        raise CredentialInvalid("it would have expired already")
    if lifetime > timedelta(days=limits.CREDENTIAL_DAYS):
        raise CredentialInvalid(f"it can live for {limits.CREDENTIAL_DAYS} days at most, or without an end")


def make(tx: Transaction, owner: AccountName, wish: TokenWish, subject: Subject) -> tuple[str, Credential]:
    """Make a token that was checked, and put that down; what `create` gives.

    Raises:
        AccountUnknown: there is no such account.
        CredentialsTooMany: it has as many in force as may be.
        LoginFailed: what proved `subject` proves it no more.
    """
    account, moment = tx.accounts.lock(str(owner)), now()
    require_standing_proof(tx, subject)
    if account is None:
        raise AccountUnknown(str(owner))
    _make_room(tx, account, moment)
    kind = _KINDS[account.kind]
    secret = generate(kind)
    made = tx.credentials.make(
        NewCredential(
            account_id=account.id,
            kind=kind,
            name=wish.name,
            hash=hash_of(secret),
            scope=str(wish.scope),
            generation=account.generation,
            created_at=moment,
            created_by=str(subject),
            expires_at=wish.expires_at,
        )
    )
    _record(tx, audit.Action.CREDENTIAL_MADE, owner, made.id, actor=str(subject))
    return secret, made


def _make_room(tx: Transaction, account: Account, moment: datetime) -> None:
    """Forget the oldest tokens that have ended, if there would be more than an account may have."""
    tokens = _tokens(tx, account)
    if sum(each.is_live(moment) for each in tokens) >= limits.CREDENTIALS_OF_ACCOUNT:
        raise CredentialsTooMany(account.name, limits.CREDENTIALS_OF_ACCOUNT)
    ended = [each.id for each in reversed(tokens) if not each.is_live(moment)]
    tx.credentials.remove(ended[: max(0, len(tokens) + 1 - limits.CREDENTIALS_OF_ACCOUNT)])


def _listing(tx: Transaction, owner: AccountName) -> list[Credential]:
    return _tokens(tx, found(tx, owner))


def _tokens(tx: Transaction, account: Account) -> list[Credential]:
    return [each for each in tx.credentials.list(account.id) if each.kind != SecretKind.REFRESH]


def _revoke(tx: Transaction, owner: AccountName, credential_id: int, actor: str) -> None:
    if not tx.credentials.revoke(found(tx, owner).id, credential_id, now()):
        raise CredentialUnknown(str(owner), credential_id)
    _record(tx, audit.Action.CREDENTIAL_REVOKED, owner, credential_id, actor=actor)


def _record(tx: Transaction, action: audit.Action, owner: AccountName, number: int, *, actor: str) -> None:
    audit.record(tx, action, actor=actor, target=str(owner), moment=now(), detail={"credential": number})
