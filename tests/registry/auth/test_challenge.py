"""The challenge that sends a client to fetch a token."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from registry.auth import token_scope
from registry.auth.challenge import TokenError, bearer

REALM = "https://registry.example/token"


def test_a_challenge_names_where_to_go_and_what_to_ask_for() -> None:
    scopes = token_scope.parse(["repository:team/app:push,pull", "repository:team/base:pull"])

    challenge = bearer(REALM, "registry.example", scopes, TokenError.INSUFFICIENT)

    assert challenge == (
        f'Bearer realm="{REALM}",service="registry.example",'
        'scope="repository:team/app:pull,push repository:team/base:pull",error="insufficient_scope"'
    )


def test_what_is_not_known_is_not_named() -> None:
    assert bearer(REALM, "moorage") == f'Bearer realm="{REALM}",service="moorage"'


@given(st.text())
def test_no_value_can_end_its_quotes_or_the_header(text: str) -> None:
    challenge = bearer(REALM, text)

    assert re.fullmatch(rf'Bearer realm="{re.escape(REALM)}",service="[ -!#-\[\]-~]*"', challenge)
