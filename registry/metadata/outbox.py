"""The outbox: changes to be written behind, recorded in the transaction that made them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy import insert as plain_insert

from registry.metadata.rows import OutboxEvent
from registry.metadata.schema import outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection


class Outbox:
    """The events of the registry, in the order in which they were recorded."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def append(self, kind: str, payload: Mapping[str, Any], now: datetime) -> int:
        """Record an event, whose `payload` JSON can express, and give its id."""
        text = json.dumps(dict(payload), separators=(",", ":"))
        new = plain_insert(outbox).values(kind=kind, payload=text, created_at=now)
        event_id: int = self._connection.execute(new.returning(outbox.c.id)).scalar_one()
        return event_id

    def pending(self, limit: int) -> list[OutboxEvent]:
        """Give up to `limit` events that are not marked yet, oldest first."""
        query = select(outbox.c.id, outbox.c.kind, outbox.c.payload, outbox.c.created_at, outbox.c.indexed_at)
        query = query.where(outbox.c.indexed_at.is_(None)).order_by(outbox.c.id).limit(limit)
        return [
            OutboxEvent(id=row[0], kind=row[1], payload=json.loads(row[2]), created_at=row[3], indexed_at=row[4])
            for row in self._connection.execute(query)
        ]

    def mark_indexed(self, ids: Collection[int], now: datetime) -> None:
        """Note that what these events tell has been written behind."""
        done = update(outbox).where(outbox.c.id.in_(sorted(ids)), outbox.c.indexed_at.is_(None))
        self._connection.execute(done.values(indexed_at=now))

    def trim(self, before: datetime, limit: int) -> int:
        """Remove up to `limit` marked events recorded earlier than `before`, and count them; others are kept."""
        old = (
            select(outbox.c.id)
            .where(outbox.c.indexed_at.is_not(None), outbox.c.created_at < before)
            .order_by(outbox.c.created_at)
            .limit(limit)
        )
        return self._connection.execute(delete(outbox).where(outbox.c.id.in_(old.scalar_subquery()))).rowcount
