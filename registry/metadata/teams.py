"""Teams of organisations and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select

from registry.metadata.account_rows import Team
from registry.metadata.schema import account, team, team_member
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_IN_NAMESPACE = team.c.namespace_id == bindparam("this_namespace")
_LIST = select(*team.c).where(_IN_NAMESPACE).order_by(team.c.name)
_PAGE = _LIST.where(team.c.name > bindparam("after")).limit(bindparam("limit"))
_COUNT = select(func.count()).where(_IN_NAMESPACE)
_FIND = select(*team.c).where(_IN_NAMESPACE, team.c.name == bindparam("this_name"))
_MAKE = insert(team, lambda new: new.on_conflict_do_nothing(index_elements=["namespace_id", "name"]).returning(*team.c))
_REMOVE = delete(team).where(team.c.id == bindparam("this_id"))
_ADD_MEMBER = insert(team_member, lambda new: new.on_conflict_do_nothing(index_elements=["team_id", "account_id"]))
_IN_TEAM = team_member.c.team_id == bindparam("this_team")
_REMOVE_MEMBER = delete(team_member).where(_IN_TEAM, team_member.c.account_id == bindparam("this_account"))
# Sorted here: a database may walk through all that are sorted already, to save sorting these few.
_MEMBERS = select(account.c.name).join_from(team_member, account).where(_IN_TEAM)
_MEMBER_PAGE = _MEMBERS.where(account.c.name > bindparam("after")).order_by(account.c.name).limit(bindparam("limit"))


class Teams:
    """The teams of all organisations."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def make(self, namespace_id: int, name: str, now: datetime) -> Team | None:
        """Give the team that is made now, with nobody in it; None if its name is taken in the namespace."""
        row = self._runner.row(_MAKE, {"namespace_id": namespace_id, "name": name, "created_at": now})
        return None if row is None else Team(*row)

    def find(self, namespace_id: int, name: str) -> Team | None:
        """Give the team of this name in the namespace, or None."""
        row = self._runner.row(_FIND, {"this_namespace": namespace_id, "this_name": name})
        return None if row is None else Team(*row)

    def remove(self, team_id: int) -> bool:
        """Remove the team with what it was granted; False if there was none."""
        return self._runner.change(_REMOVE, {"this_id": team_id}) > 0

    def add_member(self, team_id: int, account_id: int) -> bool:
        """Take an account into the team; False if it is in it already."""
        return self._runner.change(_ADD_MEMBER, {"team_id": team_id, "account_id": account_id}) > 0

    def remove_member(self, team_id: int, account_id: int) -> bool:
        """Take an account out of the team; False if it is not in it."""
        return self._runner.change(_REMOVE_MEMBER, {"this_team": team_id, "this_account": account_id}) > 0

    def members(self, team_id: int) -> list[str]:
        """Give the names of all accounts in the team, in their order."""
        return sorted(row[0] for row in self._runner.rows(_MEMBERS, {"this_team": team_id}))

    def list(self, namespace_id: int) -> list[Team]:
        """Give all teams of the namespace, by name."""
        return [Team(*row) for row in self._runner.rows(_LIST, {"this_namespace": namespace_id})]

    def page(self, namespace_id: int, limit: int, *, after: str = "") -> Sequence[Team]:
        """Give up to `limit` teams of the namespace in the byte order of their names, those after `after`."""
        values = {"this_namespace": namespace_id, "after": after, "limit": limit}
        return [Team(*row) for row in self._runner.rows(_PAGE, values)]

    def count(self, namespace_id: int) -> int:
        """Count the teams of the namespace."""
        counted: int = self._runner.value(_COUNT, {"this_namespace": namespace_id})
        return counted

    def member_page(self, team_id: int, limit: int, *, after: str = "") -> Sequence[str]:
        """Give up to `limit` names of accounts in the team in their byte order, those after `after`."""
        values = {"this_team": team_id, "after": after, "limit": limit}
        return [row[0] for row in self._runner.rows(_MEMBER_PAGE, values)]
