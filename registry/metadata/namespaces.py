"""Namespaces, of users and of organisations, and who belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, select, true

from registry.metadata.account_rows import Member, Membership, Namespace, NamespaceKind
from registry.metadata.schema import account, member, namespace, repository
from registry.metadata.statements import Runner, insert, kept

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

_COLUMNS = (namespace.c.id, namespace.c.name, namespace.c.kind, namespace.c.created_at)
_FIND = select(*_COLUMNS).where(namespace.c.name == bindparam("this_name"))
_KEEP = kept(_FIND, namespace)
_MAKE = insert(namespace, lambda new: new.on_conflict_do_nothing(index_elements=["name"]).returning(*_COLUMNS))
_LOCK = select(namespace.c.id).where(namespace.c.id == bindparam("this_id")).with_for_update()
_REMOVE = delete(namespace).where(
    namespace.c.id == bindparam("this_id"), ~exists().where(repository.c.namespace_id == bindparam("this_id"))
)
_IN_NAMESPACE = member.c.namespace_id == bindparam("this_namespace")
_OF_ACCOUNT = member.c.account_id == bindparam("this_account")
_SET_MEMBER = insert(
    member,
    lambda new: new.on_conflict_do_update(
        index_elements=["namespace_id", "account_id"], set_={"is_owner": new.excluded.is_owner}
    ),
)
_REMOVE_MEMBER = delete(member).where(_IN_NAMESPACE, _OF_ACCOUNT)
# Sorted here: a database may walk through all that are sorted already, to save sorting these few.
_MEMBERS = (
    select(member.c.account_id, account.c.name, member.c.is_owner, member.c.created_at)
    .join_from(member, account)
    .where(_IN_NAMESPACE)
)
_MEMBER_PAGE = _MEMBERS.where(account.c.name > bindparam("after")).order_by(account.c.name).limit(bindparam("limit"))
# In one order everywhere, so that two who take rights from each other wait instead of colliding.
_LOCK_OWNERS = (
    select(member.c.account_id)
    .where(_IN_NAMESPACE, member.c.is_owner == true())
    .order_by(member.c.account_id)
    .with_for_update()
)
_OWNS = select(member.c.account_id).where(_IN_NAMESPACE, _OF_ACCOUNT, member.c.is_owner == true())
_OF = select(*_COLUMNS, member.c.is_owner).join_from(member, namespace).where(_OF_ACCOUNT)
_HAS_MEMBER = kept(
    select(member.c.account_id)
    .join_from(member, namespace)
    .where(namespace.c.name == bindparam("this_name"), _OF_ACCOUNT),
    member,
)


class Namespaces:
    """The namespaces of the registry; the names of users and organisations are unique together."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def find(self, name: str) -> Namespace | None:
        """Give the namespace of this name, or None."""
        row = self._runner.row(_FIND, {"this_name": name})
        return None if row is None else _to_namespace(row)

    def keep(self, name: str) -> Namespace | None:
        """Give the namespace of this name, or None; it then goes on existing until the transaction ends."""
        row = self._runner.row(_KEEP, {"this_name": name})
        return None if row is None else _to_namespace(row)

    def make(self, name: str, kind: NamespaceKind, now: datetime) -> Namespace | None:
        """Give the namespace that is made now, without members; None if its name is taken."""
        row = self._runner.row(_MAKE, {"name": name, "kind": kind.value, "created_at": now})
        return None if row is None else _to_namespace(row)

    def lock(self, namespace_id: int) -> None:
        """Wait for others who lock or keep the namespace; they wait from now on until the transaction ends."""
        self._runner.rows(_LOCK, {"this_id": namespace_id})

    def remove(self, namespace_id: int) -> bool:
        """Remove the namespace with its members, teams and robots; False if there is none or it has repositories."""
        # A first push that is under way is waited for, and then seen.
        self.lock(namespace_id)
        return self._runner.change(_REMOVE, {"this_id": namespace_id}) > 0

    def set_member(self, namespace_id: int, account_id: int, *, is_owner: bool, now: datetime) -> None:
        """Let an account belong to the namespace, as an owner of it or not; whatever it was before."""
        values = {"namespace_id": namespace_id, "account_id": account_id, "is_owner": is_owner, "created_at": now}
        self._runner.change(_SET_MEMBER, values)

    def remove_member(self, namespace_id: int, account_id: int) -> bool:
        """Let an account belong to the namespace no more; False if it did not."""
        return self._runner.change(_REMOVE_MEMBER, _pair(namespace_id, account_id)) > 0

    def members(self, namespace_id: int) -> list[Member]:
        """Give all who belong to the namespace, by name."""
        found = [Member(*row) for row in self._runner.rows(_MEMBERS, {"this_namespace": namespace_id})]
        return sorted(found, key=lambda each: each.name)

    def member_page(self, namespace_id: int, limit: int, *, after: str = "") -> list[Member]:
        """Give up to `limit` of them in the byte order of their names, those after `after`."""
        values = {"this_namespace": namespace_id, "after": after, "limit": limit}
        return [Member(*row) for row in self._runner.rows(_MEMBER_PAGE, values)]

    def lock_owners(self, namespace_id: int) -> list[int]:
        """Give the accounts of all owners; until the transaction ends, none of them becomes less."""
        return [row[0] for row in self._runner.rows(_LOCK_OWNERS, {"this_namespace": namespace_id})]

    def owns(self, namespace_id: int, account_id: int) -> bool:
        """Whether the account is an owner of the namespace."""
        return self._runner.row(_OWNS, _pair(namespace_id, account_id)) is not None

    def has_member(self, name: str, account_id: int) -> bool:
        """Whether the account belongs to the namespace of this name, as an owner or not.

        If so, it goes on doing so until the transaction ends.
        """
        return self._runner.row(_HAS_MEMBER, {"this_name": name, "this_account": account_id}) is not None

    def of_account(self, account_id: int) -> list[Membership]:
        """Give all namespaces that the account belongs to, by name."""
        rows = self._runner.rows(_OF, {"this_account": account_id})
        return sorted((Membership(_to_namespace(row), row[-1]) for row in rows), key=lambda each: each.namespace.name)


def _pair(namespace_id: int, account_id: int) -> dict[str, int]:
    return {"this_namespace": namespace_id, "this_account": account_id}


def _to_namespace(row: Sequence[Any]) -> Namespace:
    return Namespace(row[0], row[1], NamespaceKind(row[2]), row[3])
