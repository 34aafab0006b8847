"""Whom a role is granted to: accounts and teams, by one text each."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.auth.account_name import AccountName, TeamName
from registry.auth.grantee import Grantee
from registry.errors import AccountNameInvalid, TeamNameInvalid


@pytest.mark.parametrize(
    ("text", "name", "namespace"),
    [
        ("alice", AccountName("alice"), "alice"),
        ("team+ci", AccountName("team+ci"), "team"),
        ("@org/ops", TeamName(AccountName("org"), "ops"), "org"),
    ],
)
def test_a_grantee_is_an_account_or_a_team(text: str, name: AccountName | TeamName, namespace: str) -> None:
    grantee = Grantee.parse(text)

    assert (grantee.name, grantee.namespace, str(grantee)) == (name, namespace, text)


@pytest.mark.parametrize("text", ["", "@", "@org", "org/ops", "@org/ops/x", "@@org/ops", "@org+ci/ops", "@org/Ops"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises((AccountNameInvalid, TeamNameInvalid)):
        Grantee.parse(text)


@given(st.text())
def test_malformed_text_raises_nothing_else(text: str) -> None:
    with suppress(AccountNameInvalid, TeamNameInvalid):
        assert str(Grantee.parse(text)) == text
