from registry.metadata import recollection
from registry.metadata.recollection import UNKNOWN, Recollection


class Database:
    """Something whose state a test changes."""

    def __init__(self, state: bytes | None) -> None:
        self.state = state

    def tell(self) -> bytes | None:
        return self.state


def test_an_answer_is_recalled_until_the_state_is_another() -> None:
    database = Database(b"1")
    known = Recollection(database.tell)

    assert known.recall("question") is UNKNOWN
    known.keep("question", None)
    assert known.recall("question") is None

    database.state = b"2"
    assert known.recall("question") is UNKNOWN


def test_what_was_found_while_the_database_changed_is_forgotten_with_the_state_before() -> None:
    database = Database(b"1")
    known = Recollection(database.tell)
    known.recall("question")

    database.state = b"2"
    known.keep("question", "found before or after the change")

    assert known.recall("question") is UNKNOWN


def test_nothing_is_remembered_of_a_database_that_does_not_tell_its_state() -> None:
    known = Recollection(Database(None).tell)
    known.recall("question")

    known.keep("question", "answer")

    assert known.recall("question") is UNKNOWN


def test_what_is_remembered_is_bounded() -> None:
    known = Recollection(Database(b"1").tell)
    most = recollection._MOST
    for number in range(3 * most):
        known.recall(number)
        known.keep(number, number)

    kept = sum(known.recall(number) is not UNKNOWN for number in range(3 * most))

    assert 0 < kept <= most
