"""People who log in with an OpenID provider: by its word they get an account, and a token to log in with later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.authenticator import Identity
from registry.auth.id_tokens import IdToken, IdTokens
from registry.auth.scope import EVERYTHING
from registry.auth.subject import PASSWORD, Proof, Subject, SubjectKind
from registry.auth.throttle import Address, Throttle
from registry.config.issuer import IssuerUrl
from registry.errors import (
    AccountNameInvalid,
    Denied,
    IdentityUnnamed,
    LoginFailed,
    TokenInvalid,
    TrustedKeysUnavailable,
)
from registry.metadata.account_rows import Account, Credential
from registry.metadata.transaction import Transaction
from registry.observability import logging
from registry.observability.request_context import logging_in
from registry.services import audit, credentials, outside_accounts
from registry.services.context import Services

_log: Final = logging.logger(__name__)

_EMAIL: Final = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRules:
    """Which provider is trusted to say who people are, and what is made of it.

    `account_claim` names the account, without `account_domain` behind an `@`. Who is in one of `allowed_groups` may log
    in (everybody, where there are none), and administers the registry if in one of `admin_groups` (where there are
    none, who does is not the provider's to say). The tokens that are made live for `token_lifetime_s`.
    """

    issuer: IssuerUrl
    client_id: str
    scope: str
    account_claim: str
    account_domain: str
    groups_claim: str
    allowed_groups: frozenset[str]
    admin_groups: frozenset[str]
    token_lifetime_s: int


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Whose login it was, the secret of the token that was made, which is kept nowhere, and the token."""

    account: AccountName
    secret: str
    credential: Credential


class OpenIdLogins:
    """Takes the ID tokens of one provider; belongs to one event loop."""

    def __init__(self, services: Services, id_tokens: IdTokens, rules: LoginRules) -> None:
        """Verify by `id_tokens`, decide by `rules`."""
        self.rules = rules
        self._services = services
        self._id_tokens = id_tokens
        self._throttle = Throttle(services.database)

    async def by_token(self, text: str, label: str, address: Address, moment: datetime) -> LoggedIn:
        """Log in whom the ID token `text` is about, and make a token for them that is called `label`.

        The account is the identity's, whatever its name at the provider becomes later; one of another source, or with
        a password here, is never taken over.

        Raises:
            LoginFailed: the token is not the provider's, not for this client, not made just now, or was brought before;
                or the account is disabled.
            Denied: they are in none of the groups that may log in.
            IdentityUnnamed: the provider gives no name that an account can have.
            NameTaken: somebody else has the name.
            CredentialInvalid, CredentialsTooMany: no token can be made.
            TooManyRequests: too many failed before, from this address.
            TrustedKeysUnavailable: the provider cannot be asked for its keys.
        """
        credentials.checked_name(label)
        with logging_in() as login:
            token = await self._verified(text, address, moment)
            groups = _texts(token.claims.get(self.rules.groups_claim))
            if self.rules.allowed_groups and not groups & self.rules.allowed_groups:
                raise Denied
            account = await self._account(token, moment)
            login.account = account.name
            if not account.is_live(moment):
                raise LoginFailed
            await self._services.database.write(_note_login, account, self._is_admin(account, groups), moment)
            # A login that just happened, as one with a password is.
            proof = Proof(PASSWORD, account.generation)
            subject = Subject(SubjectKind.USER, account.name, account.id, proof, EVERYTHING)
            name, end = AccountName(account.name), moment + timedelta(seconds=self.rules.token_lifetime_s)
            secret, made = await credentials.create(
                self._services, subject, name, name=label, scope=EVERYTHING, expires_at=end
            )
        return LoggedIn(name, secret, made)

    async def _verified(self, text: str, address: Address, moment: datetime) -> IdToken:
        await self._throttle.begin_from(address, moment)
        try:
            token = await self._id_tokens.verify(text, self.rules.issuer)
            self._check_use(token)
            await self._spend(text, moment)
        except TokenInvalid as error:
            _log.warning("an ID token is refused", issuer=str(self.rules.issuer), reason=error.reason)
            raise LoginFailed from None
        except TrustedKeysUnavailable:
            await self._throttle.succeeded_from(address)
            raise
        await self._throttle.succeeded_from(address)
        return token

    def _check_use(self, token: IdToken) -> None:
        """Refuse what was made for another client, or for a login that is over (OpenID Connect Core, 3.1.3.7)."""
        client_id = self.rules.client_id
        if client_id not in token.audiences or token.authorized_party not in {client_id, None}:
            raise TokenInvalid("it is for another client")
        if len(token.audiences) > 1 and token.authorized_party is None:
            raise TokenInvalid("it is for several, and does not say for which client")
        if self._id_tokens.age_s(token) > limits.OPENID_LOGIN_S:
            raise TokenInvalid("it is of a login that is over")

    async def _spend(self, text: str, moment: datetime) -> None:
        """Let the token be worth nothing from now on, at any worker or node: it makes another that lives far longer."""
        # Without its signature, which can be written in more than one way.
        digest = sha256(text.rpartition(".")[0].encode()).hexdigest()
        if not await self._services.database.write(_is_first_use, f"id-token:{digest}", moment):
            raise TokenInvalid("it was brought before")

    async def _account(self, token: IdToken, moment: datetime) -> Account:
        source = f"oidc:{self.rules.issuer}"
        database = self._services.database
        known = await database.read(_known, source, token.subject)
        if known is not None:
            return known
        return await outside_accounts.account_of(database, Identity(self._name(token), source, token.subject), moment)

    def _name(self, token: IdToken) -> AccountName:
        claim = self.rules.account_claim
        text = token.claims.get(claim)
        if not isinstance(text, str):
            raise IdentityUnnamed(claim, None)
        # Else whoever enters another's address at the provider gets their name (OpenID Connect Core, section 5.1).
        if claim == _EMAIL and token.claims.get(f"{_EMAIL}_verified", True) not in (True, "true"):
            raise IdentityUnnamed(claim, text, is_verified=False)
        if self.rules.account_domain:
            text = text.removesuffix(f"@{self.rules.account_domain}")
        try:
            name = AccountName.parse(text.lower())
        except AccountNameInvalid:
            raise IdentityUnnamed(claim, text) from None
        if name.is_robot:
            raise IdentityUnnamed(claim, text)
        return name

    def _is_admin(self, account: Account, groups: frozenset[str]) -> bool:
        return bool(groups & self.rules.admin_groups) if self.rules.admin_groups else account.is_admin


def _known(tx: Transaction, source: str, external_id: str) -> Account | None:
    return tx.accounts.find_by_external_id(source, external_id)


def _is_first_use(tx: Transaction, subject: str, moment: datetime) -> bool:
    # It is told apart from all others until it would be too old anyhow.
    forgotten_at = moment + timedelta(seconds=limits.OPENID_LOGIN_S + limits.TOKEN_SKEW_S)
    return tx.login_failures.count(subject, moment, expires_at=forgotten_at).failures == 1


def _note_login(tx: Transaction, account: Account, is_admin: bool, moment: datetime) -> None:
    tx.accounts.note_login(account.id, moment)
    actor = f"{SubjectKind.USER}:{account.name}"
    detail = {"source": account.source}
    audit.record(tx, audit.Action.LOGIN, actor=actor, target=account.name, moment=moment, detail=detail)
    if is_admin == account.is_admin:
        return
    # The last one stays, whatever the provider says: nobody could make another.
    if not is_admin and tx.accounts.lock_admins() == [account.id]:
        return
    tx.accounts.set_admin(account.id, is_admin=is_admin)
    action = audit.Action.ADMINISTRATOR_MADE if is_admin else audit.Action.ADMINISTRATOR_UNMADE
    audit.record(tx, action, actor=actor, target=account.name, moment=moment, detail=detail)


def _texts(claim: object) -> frozenset[str]:
    """The texts of a claim that is a list of them, or one."""
    if isinstance(claim, str):
        return frozenset({claim})
    return frozenset(each for each in claim if isinstance(each, str)) if isinstance(claim, list) else frozenset()
