"""Cursors: what is handed out comes back as it was, and nothing else is believed."""

from __future__ import annotations

import base64
import contextlib
from datetime import UTC
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.errors import ParameterInvalid
from registry.http.web_api import cursors
from registry.metadata.rows import Direction, Position, RepositorySort, TagSort
from tests.registry.http.web_api.reading import made_up

SORTS = st.sampled_from([*RepositorySort, *TagSort])
ORDERS = st.sampled_from(Direction)
NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=128)
TIMES = st.datetimes(timezones=st.just(UTC))
COUNTS = st.integers(0, 2**63 - 1)
KEYS: dict[str, st.SearchStrategy[Any]] = {"name": NAMES, "size": COUNTS, "pulls": COUNTS}


@given(st.data(), SORTS, ORDERS, NAMES)
def test_a_cursor_leads_back_to_its_position(
    data: st.DataObject, sort: RepositorySort | TagSort, order: Direction, name: str
) -> None:
    position = Position(data.draw(KEYS.get(sort.value, TIMES)), name)

    text = cursors.write(sort, order, position)

    assert cursors.read(text, sort, order) == position
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.integers(0, 2**63 - 1))
def test_a_number_comes_back(number: int) -> None:
    assert cursors.read_number(cursors.write_number(number)) == number


@given(NAMES)
def test_a_name_comes_back(name: str) -> None:
    assert cursors.read_name(cursors.write_name(name)) == name


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()), SORTS)
@example("", TagSort.NAME)
@example(made_up([[[[]]]]), TagSort.NAME)
@example("W" * 1024, TagSort.NAME)
def test_other_text_is_refused_by_name(text: str, sort: RepositorySort | TagSort) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        cursors.read(text, sort, Direction.ASCENDING)

    assert refused.value.name == "cursor"
    with contextlib.suppress(ParameterInvalid):
        # A name of another list's form is one like any other.
        assert cursors.read_name(text).isprintable()


@pytest.mark.parametrize(
    ("sort", "content"),
    [
        (TagSort.NAME, ["name", "asc", "a\0", "a"]),
        (TagSort.NAME, ["name", "asc", "a", "a\ud800"]),
        (TagSort.NAME, ["name", "asc", "a", "a" * 256]),
        (TagSort.NAME, ["name", "asc", "a"]),
        (TagSort.NAME, ["name", "asc", 1, "a"]),
        (TagSort.SIZE, ["size", "asc", 2**63, "a"]),
        (TagSort.SIZE, ["size", "asc", -1, "a"]),
        (TagSort.SIZE, ["size", "asc", 1.5, "a"]),
        (TagSort.SIZE, ["size", "asc", None, "a"]),
        (TagSort.PUSHED, ["pushed", "asc", "2026-01-01T00:00:00", "a"]),
        (TagSort.PUSHED, ["pushed", "asc", 1, "a"]),
        # Made for another order.
        (TagSort.NAME, ["name", "desc", "a", "a"]),
        (TagSort.PUSHED, ["pulled", "asc", "2026-01-01T00:00:00Z", "a"]),
    ],
)
def test_a_made_up_cursor_is_refused(sort: TagSort, content: list[object]) -> None:
    with pytest.raises(ParameterInvalid):
        cursors.read(made_up(content), sort, Direction.ASCENDING)


@pytest.mark.parametrize("content", [-1, 2**63, 1.5, "1", None, [1]])
def test_a_made_up_number_is_refused(content: object) -> None:
    with pytest.raises(ParameterInvalid):
        cursors.read_number(made_up(content))
