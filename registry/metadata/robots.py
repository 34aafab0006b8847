"""Robots: the accounts whose names are those of a namespace, a plus sign, and a name of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select, true

from registry.metadata.account_rows import AccountKind
from registry.metadata.accounts import read_account
from registry.metadata.schema import account, member
from registry.metadata.statements import Runner

if TYPE_CHECKING:
    from registry.metadata.account_rows import Account

_AFTER = account.c.name > bindparam("after")
_PAGE = select(*account.c).where(_AFTER).order_by(account.c.name).limit(bindparam("limit"))
_OF_ALL = _PAGE.where(account.c.kind == AccountKind.ROBOT.value)
# All of one namespace stand together in the order of names: no other name begins with its name and a plus sign.
_BEFORE_END = account.c.name < bindparam("end")
_OF_ONE = _PAGE.where(_BEFORE_END)
_OWNED = _PAGE.join_from(account, member, account.c.namespace_id == member.c.namespace_id).where(
    member.c.account_id == bindparam("this_account"), member.c.is_owner == true()
)
_COUNT = select(func.count()).where(_AFTER, _BEFORE_END)


class Robots:
    """The robots of all namespaces."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def page(self, limit: int, *, after: str = "") -> list[Account]:
        """Give up to `limit` robots of all namespaces in the byte order of their names, those after `after`."""
        return [read_account(row) for row in self._runner.rows(_OF_ALL, {"after": after, "limit": limit})]

    def page_of(self, namespace: str, limit: int, *, after: str = "") -> list[Account]:
        """Give up to `limit` robots of one namespace in the byte order of their names, those after `after`."""
        first, end = _stretch(namespace)
        values = {"after": max(after, first), "end": end, "limit": limit}
        return [read_account(row) for row in self._runner.rows(_OF_ONE, values)]

    def page_owned(self, account_id: int, limit: int, *, after: str = "") -> list[Account]:
        """Give up to `limit` robots, in that order too, of the namespaces of which an account is an owner."""
        values = {"this_account": account_id, "after": after, "limit": limit}
        return [read_account(row) for row in self._runner.rows(_OWNED, values)]

    def count(self, namespace: str) -> int:
        """Count the robots of a namespace."""
        first, end = _stretch(namespace)
        counted: int = self._runner.value(_COUNT, {"after": first, "end": end})
        return counted


def _stretch(namespace: str) -> tuple[str, str]:
    # The comma is what follows the plus sign.
    return f"{namespace}+", f"{namespace},"
