"""The outbox: changes to be written behind, recorded in the transaction that made them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy import insert as plain_insert

from registry.metadata.frequent import Frequent
from registry.metadata.rows import Backlog, OutboxEvent
from registry.metadata.schema import outbox
from registry.metadata.statements import Runner

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from typing import Any

_APPEND = Frequent(plain_insert(outbox).returning(outbox.c.id))
_PENDING = (
    select(outbox.c.id, outbox.c.kind, outbox.c.payload, outbox.c.created_at, outbox.c.indexed_at)
    .where(outbox.c.indexed_at.is_(None))
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
)
_SINCE = (
    select(outbox.c.id, outbox.c.kind, outbox.c.payload, outbox.c.created_at, outbox.c.indexed_at)
    .where(outbox.c.id > bindparam("after"), outbox.c.created_at >= bindparam("moment"))
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
)
_PENDING_OF_KIND = _PENDING.where(outbox.c.kind == bindparam("kind"))
_NEWEST_PENDING = select(func.max(outbox.c.id)).where(outbox.c.indexed_at.is_(None))
_BACKLOG = select(func.count(), func.min(outbox.c.created_at)).where(outbox.c.indexed_at.is_(None))
_MARK = update(outbox).where(outbox.c.id == bindparam("this_id"), outbox.c.indexed_at.is_(None))
_MARK = _MARK.values(indexed_at=bindparam("now"))
_OLD = (
    select(outbox.c.id)
    .where(outbox.c.indexed_at.is_not(None), outbox.c.created_at < bindparam("before"))
    .order_by(outbox.c.created_at)
    .limit(bindparam("limit"))
)
_TRIM = delete(outbox).where(outbox.c.id.in_(_OLD))


class Outbox:
    """The events of the registry, in the order in which they were recorded."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def append(self, kind: str, payload: Mapping[str, Any], now: datetime) -> int:
        """Record an event, whose `payload` JSON can express, and give its id."""
        text = json.dumps(dict(payload), separators=(",", ":"))
        event_id: int = self._runner.value(_APPEND, {"kind": kind, "payload": text, "created_at": now})
        return event_id

    def pending(self, limit: int) -> list[OutboxEvent]:
        """Give up to `limit` events that are not marked yet, oldest first."""
        return [_event(row) for row in self._runner.rows(_PENDING, {"limit": limit})]

    def pending_of_kind(self, kind: str, limit: int) -> list[OutboxEvent]:
        """Give up to `limit` events of one kind that are not marked yet, oldest first."""
        return [_event(row) for row in self._runner.rows(_PENDING_OF_KIND, {"kind": kind, "limit": limit})]

    def since(self, moment: datetime, after: int, limit: int) -> list[OutboxEvent]:
        """Give up to `limit` events recorded from `moment` on, marked or not, whose ids lie beyond `after`."""
        values = {"moment": moment, "after": after, "limit": limit}
        return [_event(row) for row in self._runner.rows(_SINCE, values)]

    def newest_pending(self) -> int | None:
        """Give the id of the newest event that is not marked yet, None when there is none."""
        newest: int | None = self._runner.value(_NEWEST_PENDING)
        return newest

    def backlog(self) -> Backlog:
        """Say how many events are not marked yet."""
        row = self._runner.row(_BACKLOG)
        assert row is not None, "an aggregate has one row"
        return Backlog(*row)

    def mark_indexed(self, ids: Collection[int], now: datetime) -> None:
        """Note that what these events tell has been written behind."""
        self._runner.change_many(_MARK, [{"this_id": event_id, "now": now} for event_id in sorted(ids)])

    def trim(self, before: datetime, limit: int) -> int:
        """Remove up to `limit` marked events recorded earlier than `before`, and count them; others are kept."""
        return self._runner.change(_TRIM, {"before": before, "limit": limit})


def _event(row: Sequence[Any]) -> OutboxEvent:
    return OutboxEvent(id=row[0], kind=row[1], payload=json.loads(row[2]), created_at=row[3], indexed_at=row[4])
