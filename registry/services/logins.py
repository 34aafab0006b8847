"""Who a name and a password, or a secret of a credential, prove: the one way in for all that is not a bearer token.

A password is first compared with the account's own, if it has one here, then the outside sources are asked in their
order. Each wrong one goes all this way, so that the time it takes does not tell who has an account, or where.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from registry.auth.account_name import AccountName
from registry.auth.authenticator import Identity
from registry.auth.id_tokens import unproved_issuer
from registry.auth.passwords import Passwords, StoredPassword
from registry.auth.scope import EVERYTHING, Scope
from registry.auth.secret_text import SecretKind, hash_of, kind_of
from registry.auth.subject import PASSWORD, Proof, Subject, SubjectKind
from registry.auth.throttle import Attempt, Throttle
from registry.errors import AccountNameInvalid, DirectoryUnavailable, LoginFailed, NameTaken
from registry.metadata.account_rows import LOCAL, Account, AccountKind, Credential
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.observability import logging
from registry.observability.request_context import Login, logging_in
from registry.services import audit, outside_accounts
from registry.services.credential_uses import CredentialUses
from registry.services.outside_sources import OutsideSources
from registry.services.workloads import WorkloadLogins

IN_PLACE_OF_PASSWORDS: Final = frozenset({SecretKind.PERSONAL, SecretKind.ROBOT})
"""The kinds of secrets that clients may send where a password is expected."""

_log = logging.logger(__name__)


@dataclass(frozen=True, slots=True)
class From:
    """Where a login comes from, and when."""

    address: IPv4Address | IPv6Address
    moment: datetime


class Logins:
    """Proves who is asking; belongs to one event loop."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        uses: CredentialUses,
        *,
        outside: OutsideSources,
        workloads: WorkloadLogins,
    ) -> None:
        """Look accounts up in `database` and ask `outside`; `uses` is told of each credential that was used.

        `workloads` are asked where a robot brings a token of another issuer.
        """
        self.workloads = workloads
        self._database = database
        self._passwords = passwords
        self._outside = outside
        self._throttle = Throttle(database)
        self._uses = uses

    async def by_name(self, name: str, secret: str, origin: From) -> Subject:
        """Who has this name, and this password or credential; or the robot that trusts this token of a workload.

        Raises:
            LoginFailed: nobody has; which of the two is wrong is not told.
            TooManyRequests: too many failed before.
            DirectoryUnavailable, TrustedKeysUnavailable: an outside source, or the token's issuer, cannot be asked.
        """
        with logging_in() as login:
            if kind_of(secret) is not None:
                subject = await self._by_secret(secret, origin.moment, IN_PLACE_OF_PASSWORDS, login)
                if subject.name != name:
                    raise LoginFailed
                self._uses.note(subject, str(origin.address), origin.moment)
                return subject
            try:
                attempt = Attempt(AccountName.parse(name), origin.address)
            except AccountNameInvalid:
                raise LoginFailed from None
            if attempt.name.is_robot and unproved_issuer(secret) is not None:
                return await self.workloads.by_token(secret, attempt.name, origin.address, origin.moment)
            return await self._by_password(attempt, secret, origin.moment, login)

    async def by_secret(self, secret: str, origin: From, kinds: Collection[SecretKind]) -> Subject:
        """Whose credential `secret` is, if it is of one of these kinds. It is too random to be guessed.

        Raises:
            LoginFailed: it is nobody's, or was revoked, or has expired.
        """
        with logging_in() as login:
            subject = await self._by_secret(secret, origin.moment, kinds, login)
            self._uses.note(subject, str(origin.address), origin.moment)
            return subject

    async def _by_secret(self, secret: str, moment: datetime, kinds: Collection[SecretKind], login: Login) -> Subject:
        if kind_of(secret) not in kinds:
            raise LoginFailed
        credential = await self._database.lookups.credential_by_hash(hash_of(secret))
        if credential is None:
            raise LoginFailed
        account = await self._database.lookups.account_by_id(credential.account_id)
        if account is None:
            raise LoginFailed
        proof = _proof(account, credential)
        login.account, login.credential = account.name, str(proof)
        if not credential.is_live(moment) or not account.is_live(moment):
            raise LoginFailed
        # It keeps a client logged in that brought a password, and proves no more than that does by now.
        if credential.kind == SecretKind.REFRESH and credential.generation != account.generation:
            raise LoginFailed
        return _subject(account, proof, Scope.read(credential.scope))

    async def _by_password(self, attempt: Attempt, password: str, moment: datetime, login: Login) -> Subject:
        account = await self._database.lookups.account_by_name(str(attempt.name))
        if account is not None:
            login.account = account.name
        # Before the memory is asked: who is held back must not learn from it whether a guess was right.
        await self._throttle.check(attempt, moment)
        if account is not None and self._remembers(account, password, moment):
            subject = _with_password(account)
            self._uses.note(subject, str(attempt.address), moment)
            return subject
        await self._throttle.begin(attempt, moment)
        account = await self._proved(account, attempt, password, moment)
        await self._throttle.succeeded(attempt, moment)
        await self._database.note(_note_login, account, moment)
        subject = _with_password(account)
        self._uses.begin(subject, str(attempt.address), moment)
        return subject

    def _remembers(self, account: Account, password: str, moment: datetime) -> bool:
        if not account.is_live(moment):
            return False
        stored = _stored(account, moment)
        return self._passwords.remembers(stored, password) or self._outside.remembers(account, password)

    async def _proved(self, account: Account | None, attempt: Attempt, password: str, moment: datetime) -> Account:
        stored = _stored(account, moment)
        if await self._passwords.proves(stored, password) and account is not None:
            return account
        try:
            identity = await self._outside.prove(attempt.name, password)
        except DirectoryUnavailable:
            # No guess, but at a password that is ours.
            if stored is None:
                await self._throttle.take_back(attempt, moment)
            raise
        if identity is None:
            raise LoginFailed
        return await self._outsider(identity, password, moment)

    async def _outsider(self, identity: Identity, password: str, moment: datetime) -> Account:
        try:
            account = await outside_accounts.account_of(self._database, identity, moment)
        except NameTaken:
            _log.warning(
                "a login is refused: its name is not free for whom the source means",
                name=str(identity.name),
                source=identity.source,
                external_id=identity.external_id,
            )
            raise LoginFailed from None
        if not account.is_live(moment):
            raise LoginFailed
        self._outside.remember(account, password)
        return account


def _stored(account: Account | None, moment: datetime) -> StoredPassword | None:
    if account is None or account.password_hash is None or not account.is_live(moment):
        return None
    return StoredPassword(account.id, account.generation, account.password_hash)


def _note_login(tx: Transaction, account: Account, moment: datetime) -> None:
    tx.accounts.note_login(account.id, moment)
    detail = {} if account.source == LOCAL else {"source": account.source}
    tx.audit.append(audit.login(_with_password(account), moment, detail))


def _proof(account: Account, credential: Credential) -> Proof:
    return Proof(credential.kind, account.generation, credential.id)


def _with_password(account: Account) -> Subject:
    return _subject(account, Proof(PASSWORD, account.generation), EVERYTHING)


def _subject(account: Account, proof: Proof, scope: Scope) -> Subject:
    kind = SubjectKind.ROBOT if account.kind is AccountKind.ROBOT else SubjectKind.USER
    return Subject(kind, account.name, account.id, proof, scope)
