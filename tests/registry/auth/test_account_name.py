"""The names of accounts."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.auth.account_name import AccountName, TeamName
from registry.errors import AccountNameInvalid, TeamNameInvalid


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


def test_a_team_is_named_with_its_organisation() -> None:
    team = TeamName.parse("org/developers")

    assert (str(team.organisation), team.team, str(team)) == ("org", "developers", "org/developers")


@pytest.mark.parametrize(
    "text",
    ["", "org", "org/", "/team", "org/a/b", "org+ci/team", "org/a+b", "Org/team", "org/team\n", f"org/{'a' * 129}"],
)
def test_what_is_no_pair_of_names_is_no_team(text: str) -> None:
    with pytest.raises(TeamNameInvalid):
        TeamName.parse(text)


@given(st.text(max_size=20))
def test_malformed_text_of_a_team_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(TeamNameInvalid):
        assert str(TeamName.parse(text)) == text
