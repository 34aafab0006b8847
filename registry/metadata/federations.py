"""Which workloads may act as which accounts, by tokens of which issuers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from registry.metadata.account_rows import Federation
from registry.metadata.schema import federation
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from registry.metadata.account_rows import NewFederation

_OF_ACCOUNT = federation.c.account_id == bindparam("this_account")
_MAKE = insert(federation, lambda new: new.returning(*federation.c))
# Sorted here: a database may walk through all that are sorted already, to save sorting these few.
_ALL_OF_ACCOUNT = select(*federation.c).where(_OF_ACCOUNT)
_OF_ISSUER = select(*federation.c).where(federation.c.issuer == bindparam("this_issuer"))
_REMOVE = delete(federation).where(federation.c.id == bindparam("this_id"), _OF_ACCOUNT)


class Federations:
    """The trusted workloads of the registry."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def make(self, new: NewFederation) -> Federation:
        """Give the trust that stands from now on."""
        [row] = self._runner.rows(
            _MAKE,
            {
                "account_id": new.account_id,
                "issuer": new.issuer,
                "audience": new.audience,
                "claims": new.claims,
                "created_at": new.created_at,
                "created_by": new.created_by,
            },
        )
        return Federation(*row)

    def of_account(self, account_id: int) -> list[Federation]:
        """Give all of an account, the oldest first."""
        found = [Federation(*row) for row in self._runner.rows(_ALL_OF_ACCOUNT, {"this_account": account_id})]
        return sorted(found, key=lambda each: each.id)

    def of_issuer(self, issuer: str) -> list[Federation]:
        """Give all in tokens of this issuer, the oldest first."""
        found = [Federation(*row) for row in self._runner.rows(_OF_ISSUER, {"this_issuer": issuer})]
        return sorted(found, key=lambda each: each.id)

    def remove(self, account_id: int, federation_id: int) -> bool:
        """Trust it no more; False if the account has no such trust."""
        return self._runner.change(_REMOVE, {"this_account": account_id, "this_id": federation_id}) > 0
