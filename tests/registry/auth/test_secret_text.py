"""Secrets of credentials: told apart by their kind, and from what was mistyped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.auth.secret_text import SecretKind, generate, hash_of, kind_of


@pytest.mark.parametrize("kind", SecretKind)
def test_a_secret_tells_its_kind_and_is_never_the_same(kind: SecretKind) -> None:
    one, other = generate(kind), generate(kind)

    assert kind_of(one) is kind
    assert one != other
    assert hash_of(one) != hash_of(other)


@given(st.data())
def test_a_secret_with_another_character_is_none(data: st.DataObject) -> None:
    secret = generate(SecretKind.PERSONAL)
    place = data.draw(st.integers(0, len(secret) - 1))
    other = data.draw(st.characters().filter(lambda character: character != secret[place]))

    assert kind_of(secret[:place] + other + secret[place + 1 :]) is None


@given(st.text(max_size=80))
def test_text_that_is_no_secret_is_none(text: str) -> None:
    assert kind_of(text) is None
    assert len(hash_of(text)) == 32
