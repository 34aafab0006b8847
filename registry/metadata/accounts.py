"""Accounts: people and robots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, false, or_, select, true, update

from registry.metadata.account_rows import Account, AccountKind
from registry.metadata.schema import account
from registry.metadata.statements import Runner, contains, insert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from registry.metadata.account_rows import NewAccount

_ALL = select(*account.c)
_IS_THIS = account.c.id == bindparam("this_id")
_BY_ID = _ALL.where(_IS_THIS)
_BY_NAME = _ALL.where(account.c.name == bindparam("this_name"))
_LOCK = _BY_NAME.with_for_update()
_BY_EXTERNAL_ID = _ALL.where(
    account.c.source == bindparam("this_source"), account.c.external_id == bindparam("this_external_id")
)
_PAGE = _ALL.where(account.c.name > bindparam("after")).order_by(account.c.name).limit(bindparam("limit"))
# Either its name or what another source knows it by may be taken.
_MAKE = insert(account, lambda new: new.on_conflict_do_nothing().returning(*account.c))
_NEXT_GENERATION = account.c.generation + 1
_SET_PASSWORD = update(account).where(_IS_THIS).values(password_hash=bindparam("new_hash"), generation=_NEXT_GENERATION)
_END_PROOFS = update(account).where(_IS_THIS).values(generation=_NEXT_GENERATION)
_DISABLE = (
    update(account)
    .where(_IS_THIS, account.c.is_disabled == false())
    .values(is_disabled=true(), generation=_NEXT_GENERATION)
)
_ENABLE = (
    update(account)
    .where(_IS_THIS, account.c.is_disabled == true())
    .values(is_disabled=false(), generation=_NEXT_GENERATION)
)
_SET_ADMIN = update(account).where(_IS_THIS).values(is_admin=bindparam("new_is_admin"))
# In one order everywhere, so that two who take rights from each other wait instead of colliding.
_LOCK_ADMINS = (
    select(account.c.id)
    .where(account.c.is_admin == true(), account.c.is_disabled == false())
    .order_by(account.c.id)
    .with_for_update()
)
_OF_NAMESPACE = _ALL.where(account.c.namespace_id == bindparam("this_namespace"))
_REMOVE = delete(account).where(_IS_THIS)
_NOTE_LOGIN = (
    update(account)
    .where(_IS_THIS, or_(account.c.last_login_at.is_(None), account.c.last_login_at < bindparam("now")))
    .values(last_login_at=bindparam("now"))
)


class Accounts:
    """The accounts of the registry. What proved an account before falls when its generation grows."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def make(self, new: NewAccount) -> Account | None:
        """Give the account that is made now; None if its name, or its external id at its source, is taken."""
        row = self._runner.row(
            _MAKE,
            {
                "name": new.name,
                "kind": new.kind.value,
                "namespace_id": new.namespace_id,
                "source": new.source,
                "external_id": new.external_id,
                "password_hash": new.password_hash,
                "is_admin": new.is_admin,
                "is_disabled": False,
                "generation": 1,
                "expires_at": new.expires_at,
                "created_at": new.created_at,
                "created_by": new.created_by,
            },
        )
        return _to_account(row)

    def find(self, name: str) -> Account | None:
        """Give the account of this name, or None."""
        return _to_account(self._runner.row(_BY_NAME, {"this_name": name}))

    def lock(self, name: str) -> Account | None:
        """Give the account of this name, or None; until the transaction ends, no other one changes it."""
        return _to_account(self._runner.row(_LOCK, {"this_name": name}))

    def find_by_id(self, account_id: int) -> Account | None:
        """Give the account with this id, or None."""
        return _to_account(self._runner.row(_BY_ID, {"this_id": account_id}))

    def find_by_external_id(self, source: str, external_id: str) -> Account | None:
        """Give the account that `source` knows by `external_id`, or None."""
        values = {"this_source": source, "this_external_id": external_id}
        return _to_account(self._runner.row(_BY_EXTERNAL_ID, values))

    def page(self, limit: int, *, after: str = "", text: str = "") -> list[Account]:
        """Give up to `limit` accounts in the byte order of their names, those after `after` that contain `text`."""
        query = _PAGE.where(contains(account.c.name, text)) if text else _PAGE
        return [read_account(row) for row in self._runner.rows(query, {"after": after, "limit": limit})]

    def set_password(self, account_id: int, password_hash: str | None) -> bool:
        """Replace the password, None for no password at all; False if there is no such account."""
        return self._runner.change(_SET_PASSWORD, {"this_id": account_id, "new_hash": password_hash}) > 0

    def end_proofs(self, account_id: int) -> None:
        """Let fall what proved the account so far, but for its tokens."""
        self._runner.change(_END_PROOFS, {"this_id": account_id})

    def disable(self, account_id: int) -> bool:
        """Take all its rights from the account; False if it had none already, or does not exist."""
        return self._runner.change(_DISABLE, {"this_id": account_id}) > 0

    def enable(self, account_id: int) -> bool:
        """Give the account its rights again; False if it had them already, or does not exist."""
        return self._runner.change(_ENABLE, {"this_id": account_id}) > 0

    def set_admin(self, account_id: int, *, is_admin: bool) -> None:
        """Make the account an administrator, or one no more."""
        self._runner.change(_SET_ADMIN, {"this_id": account_id, "new_is_admin": is_admin})

    def lock_admins(self) -> list[int]:
        """Give all administrators that are not disabled; until the transaction ends, none of them becomes less."""
        return [row[0] for row in self._runner.rows(_LOCK_ADMINS)]

    def robots_of(self, namespace_id: int) -> list[Account]:
        """Give all robots of the namespace, by name."""
        found = [read_account(row) for row in self._runner.rows(_OF_NAMESPACE, {"this_namespace": namespace_id})]
        return sorted(found, key=lambda each: each.name)

    def note_login(self, account_id: int, now: datetime) -> None:
        """Note that somebody logged in; the time never goes backwards."""
        self._runner.change(_NOTE_LOGIN, {"this_id": account_id, "now": now})

    def remove(self, account_id: int) -> bool:
        """Remove the account with its credentials, memberships and grants; False if there was none.

        Its namespace stays, with the repositories in it.
        """
        return self._runner.change(_REMOVE, {"this_id": account_id}) > 0


def read_account(row: Sequence[Any]) -> Account:
    """Give the account that a row with all columns of the table holds."""
    identity, name, kind, *rest = row
    return Account(identity, name, AccountKind(kind), *rest)


def _to_account(row: Sequence[Any] | None) -> Account | None:
    return None if row is None else read_account(row)
