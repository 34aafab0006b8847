"""What one transaction does in the middle of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event


@contextmanager
def after_statement(begins_with: str, happen: Callable[[], object]) -> Iterator[None]:
    """Let something happen once, right after the first statement that begins so, in the transaction that ran it."""
    pending = [happen]

    def react(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(begins_with) and pending:
            pending.pop()()

    event.listen(Engine, "after_cursor_execute", react)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", react)
