"""One thread that writes to SQLite: all units that wait share one transaction.

SQLite takes one writer at a time, and a commit costs as much as some units. Each unit runs in a savepoint of its own,
so that one that fails undoes nothing but itself; nobody is answered before the shared transaction is committed, and
those whose unit has to be durable not before it is on the disk (`registry.metadata.log_sync`).
"""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy.exc import DBAPIError

from registry.errors import DatabaseBusy, DatabaseUnavailable, StorageFull
from registry.metadata.log_sync import LogSync
from registry.metadata.sqlite_connections import move_log, translated
from registry.metadata.transaction import Transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine, RootTransaction

    from registry.errors import Unavailable
    from registry.metadata.sqlite_reserve import Reserve
    from registry.metadata.writer_turns import WriterTurns

T = TypeVar("T")

_UNITS_PER_TRANSACTION = 128
_IN_USE = "the disk is full: the room that is kept beside the database is for what makes more"


@dataclass(slots=True)
class _Waiting:
    unit: Callable[[Transaction], Any]
    answer: asyncio.Future[Any]
    makes_room: bool
    durable: bool
    _undecided: list[None] = field(default_factory=lambda: [None])

    def decide(self) -> bool:
        """Whether the caller may say what becomes of the unit: who writes, or who waits no longer, but one of them."""
        try:
            # In one step, whichever thread does what meanwhile.
            self._undecided.pop()
        except IndexError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Any = None
    error: Exception | None = None


_Answered: TypeAlias = "list[tuple[_Waiting, _Outcome]]"


class _TransactionLost(Exception):
    """The shared transaction is gone, and what it held must be run again or given up."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class GroupCommit:
    """The writer of one process; made on the event loop whose tasks hand it units."""

    def __init__(
        self, engine: Engine, path: str | Path, turns: WriterTurns, reserve: Reserve, *, patience_s: float
    ) -> None:
        """Start the thread, which opens its connection at the first unit, and in the end closes `turns` and `reserve`.

        A unit waits for its beginning for `patience_s`, and no longer. The engine, which writes to the file at `path`,
        remains the caller's.
        """
        self._engine = engine
        self._held: Connection | None = None
        self._turns = turns
        self._reserve = reserve
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._log = LogSync(path, self._tell_all, patience_s)
        self._thread = threading.Thread(target=self._run, name="metadata-writer", daemon=True)
        self._thread.start()

    async def run(self, unit: Callable[[Transaction], T], *, makes_room: bool = False, durable: bool = True) -> T:
        """Run `unit` in a transaction and give its result when that is committed, and on the disk if it is `durable`.

        One that `makes_room` may use the reserve.

        Raises:
            DatabaseBusy: other processes, or too many other units, kept it waiting; it was not run.
            DatabaseUnavailable: also after `close`.
            StorageFull: also while the reserve is in use, to all that make no room.
        """
        if self._closed:
            raise DatabaseUnavailable("the database is closed")
        answer: asyncio.Future[T] = self._loop.create_future()
        # On its thread, too, a unit knows which request it belongs to.
        context = copy_context()
        waiting = _Waiting(lambda transaction: context.run(unit, transaction), answer, makes_room, durable)
        self._queue.put(waiting)
        patience = self._loop.call_later(self._patience_s, _give_up, waiting)
        try:
            return await answer
        finally:
            patience.cancel()
            # Whoever gives up waits for no answer any more, however that came about.
            answer.cancel()

    async def close(self) -> None:
        """Run what was handed over, then end the thread. May be repeated."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        # A thread that waits for a process which hangs is left alone: nobody waits for its units any more.
        await asyncio.to_thread(self._thread.join, self._patience_s)

    def _run(self) -> None:
        try:
            self._serve()
        finally:
            self._give_back()
            self._log.close()
            self._turns.close()
            self._reserve.close()

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            # Whatever arrives until it is this process's turn joins the same transaction.
            with self._turns:
                batch = self._begin([first, *self._all_that_wait()])
                outcomes = self._outcomes_on_any_disk(batch)
                if any(isinstance(outcome.error, DatabaseUnavailable) for outcome in outcomes):
                    # A connection that was opened while the disk took no writes would never take any.
                    self._give_back()
                    self._engine.dispose()
            # In nobody's way any more.
            self._tell(batch, outcomes)

    def _tell(self, batch: Sequence[_Waiting], outcomes: Sequence[_Outcome]) -> None:
        settled: _Answered = []
        to_be_durable: _Answered = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            (to_be_durable if waiting.durable and outcome.error is None else settled).append((waiting, outcome))
        if to_be_durable:
            self._log.see_to_disk(to_be_durable)
        if settled:
            self._answer(settled)

    def _tell_all(self, together: Sequence[_Answered], error: Unavailable | None) -> None:
        answered = [each for batch in together for each in batch]
        if error is not None:
            answered = [(waiting, _Outcome(error=type(error)(error.cause))) for waiting, _ in answered]
        self._answer(answered)

    def _answer(self, answered: _Answered) -> None:
        # Once the loop is closed nobody waits any more, and what was committed stays.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_answer, answered)

    def _all_that_wait(self) -> Iterator[_Waiting]:
        for _ in range(_UNITS_PER_TRANSACTION - 1):
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return
            if waiting is None:
                self._queue.put(None)
                return
            yield waiting

    def _begin(self, batch: list[_Waiting]) -> list[_Waiting]:
        # A caller that was cancelled, or lost patience, while its unit waited wants nothing done any more.
        return [waiting for waiting in batch if waiting.decide() and not waiting.answer.done()]

    def _outcomes_on_any_disk(self, batch: Sequence[_Waiting]) -> list[_Outcome]:
        if not batch:
            return []
        if self._reserve.ensure():
            outcomes = self._outcomes([waiting.unit for waiting in batch])
        else:
            outcomes = self._outcomes_in_reserve(batch)
        return [
            self._outcome_in_reserve(waiting)
            if waiting.makes_room and isinstance(outcome.error, StorageFull)
            else outcome
            for waiting, outcome in zip(batch, outcomes, strict=True)
        ]

    def _outcomes_in_reserve(self, batch: Sequence[_Waiting]) -> list[_Outcome]:
        made = iter(self._outcomes([waiting.unit for waiting in batch if waiting.makes_room]))
        return [next(made) if waiting.makes_room else _Outcome(error=StorageFull(_IN_USE)) for waiting in batch]

    def _outcome_in_reserve(self, waiting: _Waiting) -> _Outcome:
        """What becomes of a unit that found the disk full, once it has all the room that there is."""
        with suppress(OSError):
            self._reserve.release()
        self._give_back()
        try:
            move_log(self._engine)
        except DBAPIError as error:
            return _Outcome(error=_meaning(error))
        [outcome] = self._outcomes([waiting.unit])
        return outcome

    def _outcomes(self, units: Sequence[Callable[[Transaction], Any]]) -> list[_Outcome]:
        if not units:
            return []
        try:
            return self._commit(units)
        except _TransactionLost as lost:
            cause = lost.error
        # The lock was not free for all of them alike; any other loss may be the fault of one unit, so each runs alone.
        if len(units) == 1 or isinstance(translated(cause), DatabaseBusy):
            return [_Outcome(error=_meaning(cause)) for _ in units]
        return [outcome for unit in units for outcome in self._outcomes([unit])]

    def _commit(self, units: Sequence[Callable[[Transaction], Any]]) -> list[_Outcome]:
        try:
            connection = self._connection()
            with connection.begin() as begun:
                transaction = Transaction(connection)
                if len(units) == 1:
                    return [_attempt_alone(begun, transaction, units[0])]
                outcomes = [_attempt(connection, transaction, unit) for unit in units]
                transaction.audit.seal()
                return outcomes
        except _TransactionLost:
            self._give_back()
            raise
        except Exception as error:  # whatever it is, tasks await an answer and the thread must go on
            self._give_back()
            raise _TransactionLost(error) from error

    def _connection(self) -> Connection:
        # To have it from the engine each time, and give it back, takes as long as some statements.
        if self._held is None:
            self._held = self._engine.connect()
        return self._held

    def _give_back(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


def _attempt_alone(begun: RootTransaction, transaction: Transaction, unit: Callable[[Transaction], Any]) -> _Outcome:
    """What becomes of a unit that shares its transaction with no other: to undo it, all of that is undone."""
    driver = _driver(begun.connection)
    try:
        result = unit(transaction)
    except Exception as error:  # whatever it is, it belongs to the task that awaits the unit
        if not driver.in_transaction:
            raise _TransactionLost(error) from error
        begun.rollback()
        return _Outcome(error=_meaning(error))
    transaction.audit.seal()
    return _Outcome(result=result)


def _attempt(connection: Connection, transaction: Transaction, unit: Callable[[Transaction], Any]) -> _Outcome:
    # The driver's own: SQLAlchemy's savepoint costs as much as a unit's statements do.
    driver = _driver(connection)
    driver.execute("SAVEPOINT unit")
    mark = transaction.audit.mark()
    try:
        result = unit(transaction)
    except Exception as error:  # whatever it is, it belongs to the task that awaits the unit
        # On a full disk or a failing one SQLite ends the whole transaction by itself, the units before this one too.
        if not driver.in_transaction:
            raise _TransactionLost(error) from error
        driver.execute("ROLLBACK TO unit")
        transaction.audit.forget(mark)
        driver.execute("RELEASE unit")
        return _Outcome(error=_meaning(error))
    driver.execute("RELEASE unit")
    return _Outcome(result=result)


def _driver(connection: Connection) -> sqlite3.Connection:
    return connection.connection.driver_connection  # type: ignore[return-value] # the engine is SQLite's


def _meaning(error: Exception) -> Exception:
    """An exception of its own for each task that awaits, with what the driver said as its cause."""
    meaning = translated(error)
    if meaning is None:
        return error
    meaning.__cause__ = error
    return meaning


def _give_up(waiting: _Waiting) -> None:
    if not waiting.answer.done() and waiting.decide():
        waiting.answer.set_exception(DatabaseBusy("the database had no turn for the transaction in time"))


def _answer(answered: _Answered) -> None:
    for each, outcome in answered:
        if each.answer.done():
            continue
        if outcome.error is not None:
            each.answer.set_exception(outcome.error)
        else:
            each.answer.set_result(outcome.result)
