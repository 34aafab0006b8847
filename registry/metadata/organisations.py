"""Organisations as lists tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from registry.metadata.account_rows import NamespaceKind, OrganisationSummary
from registry.metadata.schema import member, namespace, repository, team
from registry.metadata.statements import Runner

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, ScalarSelect


def _counted(of: ColumnElement[int]) -> ScalarSelect[int]:
    return select(func.count()).where(of == namespace.c.id).correlate(namespace).scalar_subquery()


_SUMMARY = select(
    namespace.c.name,
    namespace.c.created_at,
    _counted(member.c.namespace_id),
    _counted(team.c.namespace_id),
    _counted(repository.c.namespace_id),
).where(namespace.c.kind == NamespaceKind.ORGANISATION.value)
_ONE = _SUMMARY.where(namespace.c.name == bindparam("this_name"))
_PAGE = _SUMMARY.where(namespace.c.name > bindparam("after")).order_by(namespace.c.name).limit(bindparam("limit"))
_MINE = select(member.c.namespace_id).where(member.c.account_id == bindparam("this_account"))
_PAGE_OF_ACCOUNT = _PAGE.where(namespace.c.id.in_(_MINE))


class Organisations:
    """The namespaces that are organisations."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def summary(self, name: str) -> OrganisationSummary | None:
        """Give what is told of the organisation of this name, or None."""
        row = self._runner.row(_ONE, {"this_name": name})
        return None if row is None else OrganisationSummary(*row)

    def page(self, limit: int, *, after: str = "") -> list[OrganisationSummary]:
        """Give up to `limit` organisations in the byte order of their names, those after `after`."""
        return [OrganisationSummary(*row) for row in self._runner.rows(_PAGE, {"after": after, "limit": limit})]

    def page_of(self, account_id: int, limit: int, *, after: str = "") -> list[OrganisationSummary]:
        """Give, in the same way, those that the account belongs to."""
        values = {"this_account": account_id, "after": after, "limit": limit}
        return [OrganisationSummary(*row) for row in self._runner.rows(_PAGE_OF_ACCOUNT, values)]
