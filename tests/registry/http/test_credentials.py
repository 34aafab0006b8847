"""The `Authorization` header: what is read from it, and what is refused."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import limits
from registry.errors import CredentialsMalformed
from registry.http.credentials import Basic, Bearer, read_authorization


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_name_and_a_password_may_hold_any_text_and_the_first_colon_parts_them() -> None:
    assert read_authorization(basic("alice:a:b ü")) == Basic("alice", "a:b ü")
    assert read_authorization(basic("alice:").replace("Basic", "bASIC")) == Basic("alice", "")


def test_a_token_is_taken_as_it_is() -> None:
    assert read_authorization("Bearer a.b.c") == Bearer("a.b.c")
    assert read_authorization("bearer  a.b.c ") == Bearer("a.b.c")


def test_who_brings_nothing_is_nobody() -> None:
    assert read_authorization(None) is None
    assert read_authorization("Basic Og==") is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !",
        "Basic " + base64.b64encode(b"\xff:x").decode(),
        basic("no colon"),
        basic("alice:a\nb"),
        basic("al\0ice:x"),
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer \u00fc",
        "Digest username=x",
        "Bearer " + "a" * limits.AUTHORIZATION_CHARACTERS,
    ],
)
def test_what_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(CredentialsMalformed):
        read_authorization(header)


@given(st.text(max_size=40))
def test_no_text_raises_anything_else(text: str) -> None:
    for header in (text, f"Basic {text}", f"Bearer {text}"):
        with contextlib.suppress(CredentialsMalformed):
            read_authorization(header)


def test_secrets_are_in_no_representation() -> None:
    assert "secret" not in repr(Basic("alice", "secret"))
    assert "secret" not in repr(Bearer("secret"))
