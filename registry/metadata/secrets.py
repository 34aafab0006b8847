"""Server secrets: made once, kept in the database so that every worker and node shares them, rotated by adding one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from registry.metadata.rows import Secret
from registry.metadata.schema import secret
from registry.metadata.statements import insert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection

_COLUMNS = (
    secret.c.id,
    secret.c.purpose,
    secret.c.key_id,
    secret.c.material,
    secret.c.created_at,
    secret.c.retired_at,
)
_KEY_ID_BYTES = 8


class Secrets:
    """The secrets of the registry; each purpose has at most one that is active."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def active(self, purpose: str) -> Secret | None:
        """Give the secret that signs for `purpose` now, None before the first is made."""
        query = select(*_COLUMNS).where(secret.c.purpose == purpose, secret.c.retired_at.is_(None))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _to_secret(row)

    def all(self, purpose: str) -> list[Secret]:
        """Give every secret of `purpose`, newest first, retired ones too: what they signed is still to be proved."""
        query = select(*_COLUMNS).where(secret.c.purpose == purpose).order_by(secret.c.id.desc())
        return [_to_secret(row) for row in self._connection.execute(query)]

    def ensure(self, purpose: str, make: Callable[[], bytes], now: datetime) -> Secret:
        """Give the active secret of `purpose`, made from `make()` if there is none; all that race get the same."""
        while (found := self.active(purpose)) is None:
            new = insert(self._connection, secret).values(
                purpose=purpose, key_id=secrets.token_hex(_KEY_ID_BYTES), material=make(), created_at=now
            )
            self._connection.execute(new.on_conflict_do_nothing())
        return found

    def rotate(self, purpose: str, make: Callable[[], bytes], now: datetime) -> Secret:
        """Retire the active secret of `purpose` and give a new one made from `make()`."""
        retired = update(secret).where(secret.c.purpose == purpose, secret.c.retired_at.is_(None))
        self._connection.execute(retired.values(retired_at=now))
        return self.ensure(purpose, make, now)


def _to_secret(row: Sequence[Any]) -> Secret:
    return Secret(*row)
