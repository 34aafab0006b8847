import subprocess
import sys
from typing import NamedTuple

import pytest

from runner.records import Record


class Place(Record):
    name: str
    level: int = 3

    @property
    def shown(self) -> str:
        return f"{self.name} at {self.level}"


class TypedPlace(NamedTuple):
    name: str
    level: int = 3


@pytest.mark.parametrize(
    ("values", "named"),
    [(("a",), {}), (("a", 4), {}), (("a",), {"level": 5}), ((), {"level": 6, "name": "b"}), ((), {"name": "b"})],
)
def test_a_record_is_made_like_a_named_tuple(values: tuple[str, ...], named: dict[str, object]) -> None:
    record = Place(*values, **named)  # type: ignore[arg-type]
    typed = TypedPlace(*values, **named)  # type: ignore[arg-type]

    assert tuple(record) == tuple(typed)
    assert (record.name, record.level) == (typed.name, typed.level)
    assert record._asdict() == typed._asdict()
    assert repr(record) == repr(typed).replace("TypedPlace", "Place")


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), (("a", 1, 2), {}), (("a",), {"name": "b"}), (("a",), {"unknown": 1})]
)
def test_what_is_no_call_of_a_named_tuple_is_none_of_a_record(
    values: tuple[object, ...], named: dict[str, object]
) -> None:
    for kind in (Place, TypedPlace):
        with pytest.raises(TypeError):
            kind(*values, **named)  # type: ignore[arg-type]


def test_a_record_is_equal_by_its_values_and_never_changes() -> None:
    record = Place("a")

    assert record == Place("a", 3)
    assert record._replace(level=9) == Place("a", 9)
    assert record.shown == "a at 3"
    with pytest.raises(AttributeError):
        record.name = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        record.other = "b"  # type: ignore[attr-defined]


def test_records_load_neither_typing_nor_collections() -> None:
    program = "import runner.records, sys; print({'typing', 'collections', 'functools'} & sys.modules.keys())"

    printed = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {program}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert printed == "set()\n"
