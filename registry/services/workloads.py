"""Workloads that act as robots without a secret of ours: jobs of CI systems, by the tokens that these give them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from registry.auth.account_name import AccountName
from registry.auth.id_tokens import IdToken, IdTokens, unproved_issuer
from registry.auth.scope import EVERYTHING
from registry.auth.subject import FEDERATED, Proof, Subject, SubjectKind
from registry.auth.throttle import Address, Throttle
from registry.auth.workload_trust import WorkloadTrust
from registry.config.issuer import IssuerUrl
from registry.errors import LoginFailed, ParameterInvalid, TokenInvalid, TrustedKeysUnavailable
from registry.metadata.account_rows import Account, Federation
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.observability import logging
from registry.observability.request_context import logging_in
from registry.services import audit

_log: Final = logging.logger(__name__)


class WorkloadLogins:
    """Proves which robot a workload acts as; belongs to one event loop."""

    def __init__(self, database: Database, id_tokens: IdTokens) -> None:
        """Look up in `database` who is trusted, and verify by `id_tokens`."""
        self._database = database
        self._id_tokens = id_tokens
        self._throttle = Throttle(database)

    async def by_token(self, text: str, robot: AccountName | None, address: Address, moment: datetime) -> Subject:
        """The robot that trusts the workload whose token `text` is: `robot`, or where it is None, the only one.

        An issuer is asked for its keys only where some robot trusts it.

        Raises:
            LoginFailed: none does; why is told in the log.
            ParameterInvalid: several do.
            TooManyRequests: too many failed before, from this address.
            TrustedKeysUnavailable: the issuer cannot be asked for its keys.
        """
        with logging_in() as login:
            await self._throttle.begin_from(address, moment)
            issuer = unproved_issuer(text)
            trusts = await self._database.read(_trusts, issuer, robot) if issuer is not None else []
            if issuer is None or not trusts:
                raise LoginFailed
            token = await self._verified(text, IssuerUrl(issuer), address)
            fitting = {row.account_id for row in trusts if _trust(row).fits(token)}
            account = _only(await self._database.read(_live, fitting, moment))
            if account is None:
                _log.warning("no robot trusts a workload", issuer=issuer, subject=token.subject)
                raise LoginFailed
            login.account = account.name
            await self._throttle.succeeded_from(address)
            await self._database.note(_note_login, account, token, moment)
        return _subject(account)

    async def _verified(self, text: str, issuer: IssuerUrl, address: Address) -> IdToken:
        try:
            return await self._id_tokens.verify(text, issuer)
        except TokenInvalid as error:
            _log.warning("a workload's token is refused", issuer=str(issuer), reason=error.reason)
            raise LoginFailed from None
        except TrustedKeysUnavailable:
            # Nobody could say whether it is right.
            await self._throttle.succeeded_from(address)
            raise


def _trusts(tx: Transaction, issuer: str, robot: AccountName | None) -> list[Federation]:
    """What is trusted of the issuer: by the robot, or where it is None, by all."""
    if robot is None:
        return tx.federations.of_issuer(issuer)
    account = tx.accounts.find(str(robot))
    return [] if account is None else [row for row in tx.federations.of_account(account.id) if row.issuer == issuer]


def _trust(row: Federation) -> WorkloadTrust:
    return WorkloadTrust.read(row.issuer, row.audience, row.claims)


def _live(tx: Transaction, account_ids: Collection[int], moment: datetime) -> list[Account]:
    found = (tx.accounts.find_by_id(each) for each in sorted(account_ids))
    return [account for account in found if account is not None and account.is_live(moment)]


def _only(accounts: Sequence[Account]) -> Account | None:
    if len(accounts) > 1:
        raise ParameterInvalid("username", "the robot's name, since several trust this token")
    return accounts[0] if accounts else None


def _note_login(tx: Transaction, account: Account, token: IdToken, moment: datetime) -> None:
    tx.accounts.note_login(account.id, moment)
    detail = {"issuer": str(token.issuer), "subject": token.subject}
    tx.audit.append(audit.login(_subject(account), moment, detail))


def _subject(account: Account) -> Subject:
    return Subject(SubjectKind.ROBOT, account.name, account.id, Proof(FEDERATED, account.generation), EVERYTHING)
