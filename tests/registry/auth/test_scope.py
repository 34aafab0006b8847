"""How far credentials reach, and what roles need."""

from __future__ import annotations

import pytest

from oci_spec.reference import RepositoryName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import OF_REPOSITORIES, Permission
from registry.auth.roles import NEEDS, Role
from registry.auth.scope import EVERYTHING, Action, Scope

APP, OTHER = RepositoryName.parse("team/app"), RepositoryName.parse("other/app")


@pytest.mark.parametrize("permission", Permission)
def test_the_scope_of_everything_covers_every_permission(permission: Permission) -> None:
    assert EVERYTHING.covers(permission, APP if permission in OF_REPOSITORIES else None)


def test_a_scope_covers_its_actions_on_its_repositories() -> None:
    scope = Scope(frozenset({Action.PULL, Action.PUSH}), (RepositoryPattern.parse("team/*"),))

    assert scope.covers(Permission.PULL, APP)
    assert scope.covers(Permission.PUSH, APP)
    assert not scope.covers(Permission.DELETE, APP)
    assert not scope.covers(Permission.PULL, OTHER)


@pytest.mark.parametrize("permission", [Permission.SELF, Permission.ADMINISTER, Permission.OBSERVE, Permission.PULL])
def test_a_scope_of_some_repositories_reaches_nothing_else(permission: Permission) -> None:
    scope = Scope(frozenset(Action), (RepositoryPattern.parse("team/*"),))

    assert not scope.covers(permission, None)
    assert scope.covers(Permission.OWN, APP)
    assert scope.covers(Permission.CATALOG, None)


def test_every_permission_in_a_repository_needs_a_role_and_roles_grow() -> None:
    assert set(NEEDS) == OF_REPOSITORIES
    assert [role.rank for role in (Role.READER, Role.WRITER, Role.MAINTAINER, Role.OWNER)] == [0, 1, 2, 3]


@pytest.mark.parametrize("scope", [EVERYTHING, Scope(frozenset({Action.PULL}), (RepositoryPattern.parse("team/*"),))])
def test_a_scope_is_what_is_read_of_its_text(scope: Scope) -> None:
    assert Scope.read(str(scope)) == scope
