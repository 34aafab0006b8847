"""The names of accounts."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.auth.account_name import AccountName
from registry.errors import AccountNameInvalid


@pytest.mark.parametrize("text", ["alice", "a", "a.b", "a_b", "a__b", "a--b", "team+ci", "0"])
def test_a_name_is_kept_as_it_is_written(text: str) -> None:
    assert str(AccountName.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "Alice", "a..b", "-a", "a-", "a/b", "a+b+c", "+a", "a+", "a b", "a\n", "ａlice", "a" * 129, "a:b"]
)
def test_what_is_no_path_component_is_no_name(text: str) -> None:
    with pytest.raises(AccountNameInvalid):
        AccountName.parse(text)


@given(st.text(max_size=20))
def test_malformed_text_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(AccountNameInvalid):
        assert str(AccountName.parse(text)) == text


def test_a_robot_belongs_to_the_namespace_before_its_plus() -> None:
    robot, person = AccountName.parse("team+ci"), AccountName.parse("alice")

    assert (robot.is_robot, robot.namespace) == (True, "team")
    assert (person.is_robot, person.namespace) == (False, "alice")
