"""Statements that go past SQLAlchemy mean the same as by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, create_engine, delete, insert, select, update

from registry.metadata.frequent import Frequent
from registry.metadata.schema import blob, metadata, upload
from registry.metadata.statements import Runner

_MOMENT = datetime(2026, 2, 3, 4, 5, 6, 7, UTC)
_ROW = {
    "algorithm": "sha256",
    "digest": b"\0raw",
    "size": 1 << 40,
    "key": "a'key",
    "state": "present",
    "created_at": _MOMENT,
    "verified_at": None,
}
_COLUMNS = (blob.c.digest, blob.c.size, blob.c.created_at, blob.c.verified_at)


@pytest.fixture
def runner() -> Any:
    engine = create_engine("sqlite://")
    with engine.connect() as connection, connection.begin():
        metadata.create_all(connection)
        yield Runner(connection)


def both(runner: Runner, statement: Any, values: dict[str, Any]) -> tuple[Any, Any]:
    """The rows of a statement by SQLAlchemy, and past it."""
    plain = [tuple(row) for row in runner.rows(statement, values)]
    return plain, list(runner.rows(Frequent(statement), values))


def test_values_come_back_as_sqlalchemy_gives_them(runner: Runner) -> None:
    runner.change(Frequent(insert(blob)), _ROW)

    plain, past = both(runner, select(*_COLUMNS).where(blob.c.key == bindparam("this_key")), {"this_key": "a'key"})

    assert plain == past == [(b"\0raw", 1 << 40, _MOMENT, None)]


def test_values_that_a_statement_has_itself_are_given_with_it(runner: Runner) -> None:
    runner.change(insert(blob), _ROW)
    query = select(blob.c.id).where(blob.c.created_at <= _MOMENT, blob.c.size > bindparam("least")).limit(1)

    assert both(runner, query, {"least": 5}) == ([(1,)], [(1,)])
    assert both(runner, query, {"least": 1 << 41}) == ([], [])


def test_a_change_tells_of_how_many_rows(runner: Runner) -> None:
    add = Frequent(insert(blob).returning(blob.c.id))
    change = Frequent(update(blob).where(blob.c.size < bindparam("below")))
    remove = Frequent(delete(blob).where(blob.c.key == bindparam("this_key")))

    added = [runner.value(add, _ROW | {"digest": digest}) for digest in (b"1", b"2")]

    assert added == [1, 2]
    assert runner.change(change, {"below": 1 << 41, "state": "suspect"}) == 2
    assert runner.change(change, {"below": 0, "state": "present"}) == 0
    assert runner.rows(select(blob.c.state)) == [("suspect",), ("suspect",)]
    assert runner.change(remove, {"this_key": "a'key"}) == 2
    assert runner.value(Frequent(select(blob.c.id)), {}) is None


def test_what_is_done_past_sqlalchemy_is_part_of_its_transaction(tmp_path: Any) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'file.db'}")
    metadata.create_all(engine)

    def add(connection: Connection) -> None:
        runner = Runner(connection)
        runner.change(insert(upload), _upload("one"))
        runner.change(Frequent(insert(upload)), _upload("two"))

    with engine.connect() as connection:
        with connection.begin() as begun:
            add(connection)
            begun.rollback()
        with connection.begin():
            assert Runner(connection).rows(select(upload.c.id)) == []
            add(connection)
    with engine.connect() as connection:
        assert len(connection.execute(select(upload.c.id)).all()) == 2


def _upload(identity: str) -> dict[str, Any]:
    texts = dict.fromkeys(("repository", "subject", "algorithm", "key"), "text")
    numbers = dict.fromkeys(("offset", "version"), 0)
    states = dict.fromkeys(("hash_state", "backend_state", "tail"), b"")
    times = dict.fromkeys(("started_at", "updated_at", "expires_at"), _MOMENT)
    return {"id": identity, **texts, **numbers, **states, **times}
