"""What was found in the database, remembered for as long as nobody changes anything there."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final

UNKNOWN: Final = object()
"""What is recalled of a question that was not asked in this state of the database."""

# An answer is a few hundred bytes.
_MOST = 8192


class Recollection:
    """Answers by their questions, all of the same state of the database.

    `state` gives what is different after every change, whoever makes it, and before anybody is told of that change; or
    None where that cannot be told: nothing is remembered then.
    """

    __slots__ = ("_answers", "_read_state", "_state")

    def __init__(self, state: Callable[[], bytes | None]) -> None:
        """Begin without any."""
        self._read_state = state
        self._state: bytes | None = None
        self._answers: dict[Hashable, Any] = {}

    def recall(self, question: Hashable) -> Any:
        """Give the answer to `question` as of now; `UNKNOWN` where it has to be asked."""
        state = self._read_state()
        if state != self._state:
            self._answers.clear()
            self._state = state
        return self._answers.get(question, UNKNOWN)

    @property
    def state(self) -> bytes | None:
        """The state of the database that was met when anything was last recalled."""
        return self._state

    def forget(self) -> None:
        """Let everything be asked again."""
        self._answers.clear()

    def keep(self, question: Hashable, answer: Any) -> None:
        """Remember `answer`, which was found after `question` was last recalled.

        Should the database have changed in between, the answer is newer than its state, and soon forgotten with it.
        """
        if self._state is None:
            return
        if len(self._answers) >= _MOST:
            self._answers.clear()
        self._answers[question] = answer
