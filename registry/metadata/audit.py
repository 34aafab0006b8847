"""The audit log: entries that are committed with the change that they tell of, each chained to the one before it.

A unit's entries are kept until its transaction is about to be committed, and chained then. The chain's head is so the
last row that a transaction locks: who holds it waits for nobody, so that no two can wait for each other, and it is held
for four statements and a commit, however long the units take. On SQLite, which has one writer at a time, all units of a
shared transaction are chained at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy import insert as plain_insert

from registry.metadata.audit_values import ORIGIN, AuditEntry, AuditRow, AuditSearch, ChainPoint, chained
from registry.metadata.schema import audit, audit_chain
from registry.metadata.statements import Runner, Variants, insert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select

_HEAD: Final = "head"
_START: Final = "start"

_POINT = select(audit_chain.c.entry, audit_chain.c.hash, audit_chain.c.at).where(
    audit_chain.c.position == bindparam("this_position")
)
_LOCKED_POINT = Variants(_POINT, _POINT.with_for_update(), _POINT)
_BEGIN = insert(audit_chain, lambda new: new.on_conflict_do_nothing(index_elements=["position"]))
_MOVE = update(audit_chain).where(audit_chain.c.position == bindparam("this_position"))
_INSERT = plain_insert(audit)
_FROM = select(audit.c.id).where(audit.c.at >= bindparam("moment")).order_by(audit.c.at, audit.c.id).limit(1)
_LAST = select(audit.c.id, audit.c.hash, audit.c.at).where(audit.c.id == bindparam("this_id"))
_REMOVE = delete(audit).where(audit.c.id <= bindparam("last"))
_WINDOW = select(*audit.c).where(audit.c.id > bindparam("after"), audit.c.id < bindparam("before"))
_BEYOND_ALL: Final = 2**62
_FILTERS: Final = ("actor", "target", "action", "outcome")


class Audit:
    """The audit log in one transaction."""

    __slots__ = ("_pending", "_runner")

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner
        self._pending: list[AuditEntry] = []

    def append(self, entry: AuditEntry) -> None:
        """Have the entry chained and committed with the transaction.

        Its time is moved to that of the entry before it where clocks differ, so that times never go back in the chain.
        """
        self._pending.append(entry)

    def mark(self) -> int:
        """Give the place to `forget` from."""
        return len(self._pending)

    def forget(self, mark: int) -> None:
        """Drop what was appended since `mark`: the unit that did so has failed."""
        del self._pending[mark:]

    def seal(self) -> None:
        """Chain what was appended; whoever runs a transaction calls it, as the last thing before the commit."""
        if not self._pending:
            return
        head = self._locked(_HEAD)
        rows = []
        for entry in self._pending:
            kept = replace(entry, at=max(entry.at, head.at))
            number = head.entry + 1
            rows.append(_values(number, kept, head.hash))
            head = ChainPoint(number, rows[-1]["hash"], kept.at)
        self._pending.clear()
        self._runner.change_many(_INSERT, rows)
        self._move(_HEAD, head)

    def head(self) -> ChainPoint:
        """Give the newest entry's place in the chain."""
        return self._point(_HEAD)

    def start(self) -> ChainPoint:
        """Give the place of the newest entry that was removed, which the oldest one follows."""
        return self._point(_START)

    def older(self, search: AuditSearch, before: int | None, limit: int) -> list[AuditRow]:
        """Give up to `limit` entries with ids less than `before`, newest first."""
        return self._found(search, 0, _BEYOND_ALL if before is None else before, limit, newest_first=True)

    def newer(self, search: AuditSearch, after: int, limit: int) -> list[AuditRow]:
        """Give up to `limit` entries with ids beyond `after`, oldest first."""
        return self._found(search, after, _BEYOND_ALL, limit, newest_first=False)

    def trim(self, before: datetime, limit: int) -> int:
        """Remove up to `limit` of the entries that are older than `before`, oldest first, and count them."""
        # Locked before it is read: of two that trim at once, the later one goes on from where the other has got to.
        start, head = self._locked(_START), self.head()
        kept = self._runner.value(_FROM, {"moment": before})
        last = min(head.entry if kept is None else kept - 1, start.entry + limit)
        row = self._runner.row(_LAST, {"this_id": last}) if last > start.entry else None
        if row is None:
            return 0
        self._move(_START, ChainPoint(*row))
        return self._runner.change(_REMOVE, {"last": last})

    def _found(self, search: AuditSearch, after: int, before: int, limit: int, *, newest_first: bool) -> list[AuditRow]:
        # Times never go back in the chain, so a span of time is one of ids, and every order is that of an index.
        if search.since is not None:
            first = self._runner.value(_FROM, {"moment": search.since})
            after = max(after, _BEYOND_ALL if first is None else first - 1)
        if search.until is not None:
            end = self._runner.value(_FROM, {"moment": search.until})
            before = min(before, _BEYOND_ALL if end is None else end)
        given = {name: value for name in _FILTERS if (value := getattr(search, name)) is not None}
        values = {"after": after, "before": before, "limit": limit, **given}
        return [_row(row) for row in self._runner.rows(_query(given, newest_first=newest_first), values)]

    def _locked(self, position: str) -> ChainPoint:
        row = self._runner.row(_LOCKED_POINT, {"this_position": position})
        if row is None:
            self._begin(position)
            row = self._runner.row(_LOCKED_POINT, {"this_position": position})
        assert row is not None, "it was just made, here or by another"
        return ChainPoint(*row)

    def _point(self, position: str) -> ChainPoint:
        row = self._runner.row(_POINT, {"this_position": position})
        return ORIGIN if row is None else ChainPoint(*row)

    def _begin(self, position: str) -> None:
        values = {"position": position, "entry": ORIGIN.entry, "hash": ORIGIN.hash, "at": ORIGIN.at}
        self._runner.change(_BEGIN, values)

    def _move(self, position: str, point: ChainPoint) -> None:
        values = {"this_position": position, "entry": point.entry, "hash": point.hash, "at": point.at}
        self._runner.change(_MOVE, values)


def _query(given: Mapping[str, str], *, newest_first: bool) -> Select[Any]:
    query = _WINDOW.where(*(audit.c[name] == bindparam(name) for name in given))
    return query.order_by(audit.c.id.desc() if newest_first else audit.c.id).limit(bindparam("limit"))


def _values(number: int, entry: AuditEntry, previous: bytes) -> dict[str, Any]:
    return {
        "id": number,
        "at": entry.at,
        "actor": entry.actor,
        "credential": entry.credential,
        "address": entry.address,
        "request_id": entry.request_id,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
        "detail": entry.detail,
        "previous": previous,
        "hash": chained(number, entry, previous),
    }


def _row(row: Sequence[Any]) -> AuditRow:
    number, at, actor, credential, address, request_id, action, target, outcome, detail, previous, digest = row
    entry = AuditEntry(
        at=at,
        actor=actor,
        action=action,
        target=target,
        outcome=outcome,
        credential=credential,
        address=address,
        request_id=request_id,
        detail=detail,
    )
    return AuditRow(number, entry, previous, digest)
