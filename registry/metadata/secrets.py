"""Server secrets: made once, kept in the database so that every worker and node shares them, rotated by adding one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, update

from registry.metadata.rows import Secret
from registry.metadata.schema import secret
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_KEY_ID_BYTES = 8

_IS_ACTIVE = secret.c.retired_at.is_(None)
_ALL = (
    select(
        secret.c.id,
        secret.c.purpose,
        secret.c.key_id,
        secret.c.material,
        secret.c.created_at,
        secret.c.retired_at,
    )
    .where(secret.c.purpose == bindparam("this_purpose"))
    .order_by(secret.c.id.desc())
)
_ACTIVE = _ALL.where(_IS_ACTIVE)
_MAKE = insert(secret, lambda new: new.on_conflict_do_nothing(index_elements=["purpose"], index_where=_IS_ACTIVE))
_RETIRE = update(secret).where(secret.c.purpose == bindparam("this_purpose"), _IS_ACTIVE)
_FORGET = delete(secret).where(secret.c.purpose == bindparam("this_purpose"), ~_IS_ACTIVE)


class Secrets:
    """The secrets of the registry; each purpose has at most one that is active."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def active(self, purpose: str) -> Secret | None:
        """Give the secret that signs for `purpose` now, None before the first is made."""
        row = self._runner.row(_ACTIVE, {"this_purpose": purpose})
        return None if row is None else Secret(*row)

    def all(self, purpose: str) -> list[Secret]:
        """Give every secret of `purpose`, newest first, retired ones too: what they signed is still to be proved."""
        return [Secret(*row) for row in self._runner.rows(_ALL, {"this_purpose": purpose})]

    def ensure(self, purpose: str, make: Callable[[], bytes], now: datetime) -> Secret:
        """Give the active secret of `purpose`, made from `make()` if there is none; all that race get the same."""
        while (found := self.active(purpose)) is None:
            key_id = secrets.token_hex(_KEY_ID_BYTES)
            new = {"purpose": purpose, "key_id": key_id, "material": make(), "created_at": now}
            self._runner.change(_MAKE, new)
        return found

    def rotate(self, purpose: str, make: Callable[[], bytes], now: datetime) -> Secret:
        """Retire the active secret of `purpose` and give a new one made from `make()`."""
        self._runner.change(_RETIRE, {"this_purpose": purpose, "retired_at": now})
        return self.ensure(purpose, make, now)

    def forget_retired(self, purpose: str) -> None:
        """Remove every secret of `purpose` but the active one: what they signed cannot be proved any more."""
        self._runner.change(_FORGET, {"this_purpose": purpose})
