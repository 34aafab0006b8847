"""Scopes of tokens: what they mean, what is left out, and that nothing is granted that was not meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth import token_scope
from registry.auth.permission import OF_REPOSITORIES, Permission
from registry.auth.token_scope import TokenScope, covers
from registry.errors import ParameterInvalid

APP, OTHER = RepositoryName.parse("team/app"), RepositoryName.parse("team/other")
NAMES = st.from_regex(r"[ab]{1,3}(/[ab]{1,3}){0,3}", fullmatch=True).map(RepositoryName.parse)
SCOPES = st.one_of(
    st.builds(TokenScope, NAMES, st.frozensets(st.sampled_from(["pull", "push", "delete", "*"]), min_size=1)),
    st.builds(TokenScope, st.none(), st.frozensets(st.sampled_from(["search", "*"]), min_size=1)),
)


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("repository:team/app:pull", ["repository:team/app:pull"]),
        ("repository:team/app:push,pull", ["repository:team/app:pull,push"]),
        (
            "repository:team/app:pull repository:team/other:push",
            ["repository:team/app:pull", "repository:team/other:push"],
        ),
        ("repository:team/app:pull repository:team/app:push", ["repository:team/app:pull,push"]),
        ("registry:catalog:*", ["registry:catalog:*"]),
        ("registry:catalog:search", ["registry:catalog:search"]),
        ("  repository:team/app:pull  ", ["repository:team/app:pull"]),
        ("repository:team/app:pull,fly", ["repository:team/app:pull"]),
    ],
)
def test_scopes_are_read_whatever_their_order_and_spaces(text: str, scopes: list[str]) -> None:
    assert [str(scope) for scope in token_scope.parse([text])] == scopes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "repository",
        "repository:team/app",
        "repository:team/app:",
        "repository:team/app:fly",
        "repository:Team/App:pull",
        "repository:host:5000/team/app:pull",
        "repository(plugin):team/app:pull",
        "registry:other:*",
        "registry:catalog:pull",
        "registry:catalog",
        "galaxy:team/app:pull",
        ":::",
    ],
)
def test_what_has_no_meaning_here_is_left_out(text: str) -> None:
    assert token_scope.parse([text, "repository:team/app:pull"]) == (TokenScope(APP, frozenset({"pull"})),)


@pytest.mark.parametrize(
    "texts",
    [
        ["repository:a:pull"] * (limits.TOKEN_SCOPES + 1),
        [" ".join(["repository:a:pull"] * (limits.TOKEN_SCOPES + 1))],
        [f"repository:{'a' * limits.TOKEN_SCOPE_CHARACTERS}:pull"],
        [" " * (limits.TOKEN_SCOPES * limits.TOKEN_SCOPE_CHARACTERS + 1)],
    ],
)
def test_more_or_longer_scopes_than_a_request_may_have_are_refused(texts: list[str]) -> None:
    with pytest.raises(ParameterInvalid):
        token_scope.parse(texts)


def test_a_star_is_all_that_can_be_done_in_a_repository() -> None:
    [scope] = token_scope.parse(["repository:team/app:*"])

    assert scope.permissions == OF_REPOSITORIES
    assert TokenScope.of(APP, OF_REPOSITORIES).actions == {"*", "pull", "push", "delete"}
    # No action stands for what is neither pulling, pushing nor deleting: a part of it is not told.
    assert TokenScope.of(APP, {Permission.PULL, Permission.MAINTAIN}).actions == {"pull"}


@given(SCOPES)
def test_a_scope_is_what_it_was_parsed_from(scope: TokenScope) -> None:
    assert token_scope.parse([str(scope)]) == (scope,)


@given(SCOPES)
def test_permissions_and_back_lose_nothing(scope: TokenScope) -> None:
    assert TokenScope.of(scope.repository, scope.permissions).permissions == scope.permissions


@given(SCOPES, st.sampled_from(Permission), st.one_of(st.none(), NAMES))
def test_a_token_covers_what_its_scopes_permit_and_nothing_else(
    scope: TokenScope, permission: Permission, repository: RepositoryName | None
) -> None:
    permitted = permission in scope.permissions and repository == scope.repository

    assert covers(scope.granted, permission, repository) is (permitted or permission is Permission.PUBLIC)


@pytest.mark.parametrize("permission", [Permission.SELF, Permission.ADMINISTER, Permission.OBSERVE])
def test_no_scope_reaches_the_registry_as_a_whole(permission: Permission) -> None:
    everything = TokenScope.of(None, Permission).granted | TokenScope.of(APP, Permission).granted

    assert not covers(everything, permission, None)
    assert not covers(everything, permission, APP)
    assert not covers(everything, Permission.PULL, OTHER)


@given(st.text(max_size=60))
def test_any_text_is_scopes_or_nothing(text: str) -> None:
    for scope in token_scope.parse([text]):
        assert scope.actions
        assert token_scope.parse([str(scope)]) == (scope,)
