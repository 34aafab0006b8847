"""The scopes that clients ask a token for and that a token grants (distribution's "Token Scope Documentation").

A scope is `type[(class)]:name:action[,action]`. The name may hold colons: the first one ends the type, the last one
begins the actions. What is not understood is left out, never an error: nothing is granted for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from oci_spec.errors import OciSpecError
from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.permission import OF_REPOSITORIES, Permission
from registry.errors import ParameterInvalid

_REPOSITORY: Final = "repository"
_CATALOG: Final = "registry:catalog"
_ALL: Final = "*"
# In the order in which a scope names them.
_OF_A_REPOSITORY: Final[Mapping[str, frozenset[Permission]]] = {
    _ALL: OF_REPOSITORIES,
    "delete": frozenset({Permission.DELETE}),
    "pull": frozenset({Permission.PULL}),
    "push": frozenset({Permission.PUSH}),
}
_OF_THE_CATALOG: Final[Mapping[str, frozenset[Permission]]] = {
    _ALL: frozenset({Permission.CATALOG}),
    "search": frozenset({Permission.CATALOG}),
}

Granted: TypeAlias = frozenset[tuple[str, str]]
"""Pairs of a resource (`repository:team/app`, `registry:catalog`) and an action, as `Proof.granted` keeps them."""


@dataclass(frozen=True, slots=True)
class TokenScope:
    """Actions on one repository, or on the catalog where `repository` is None; `str(scope)` is its text."""

    repository: RepositoryName | None
    actions: frozenset[str]

    @classmethod
    def of(cls, repository: RepositoryName | None, permissions: Iterable[Permission]) -> TokenScope:
        """The scope whose actions need no more than `permissions`; what no action stands for is left out."""
        held = frozenset(permissions)
        return cls(repository, frozenset(action for action, needs in _meanings(repository).items() if needs <= held))

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that the actions allow."""
        meanings = _meanings(self.repository)
        return frozenset[Permission]().union(*(meanings[action] for action in self.actions))

    @property
    def resource(self) -> str:
        """The type and the name: `repository:team/app`."""
        return _CATALOG if self.repository is None else f"{_REPOSITORY}:{self.repository}"

    @property
    def granted(self) -> Granted:
        """The pairs of this scope."""
        return frozenset((self.resource, action) for action in self.actions)

    def __str__(self) -> str:
        return f"{self.resource}:{','.join(sorted(self.actions))}"


def parse(texts: Iterable[str]) -> tuple[TokenScope, ...]:
    """The scopes of a request's `scope` parameters, each of which may hold several; one per resource, first come first.

    Raises:
        ParameterInvalid: there are more, or longer ones, than a request may have.
    """
    asked: dict[RepositoryName | None, frozenset[str]] = {}
    for text in _bounded(texts):
        scope = _understood(text)
        if scope is not None:
            asked[scope.repository] = asked.get(scope.repository, frozenset()) | scope.actions
    return tuple(TokenScope(repository, actions) for repository, actions in asked.items())


def understood(kind: str, name: str, actions: Iterable[str]) -> TokenScope | None:
    """The scope of an entry of a token's `access`, None where nothing of it has a meaning here."""
    repository: RepositoryName | None = None
    if kind == _REPOSITORY:
        try:
            repository = RepositoryName.parse(name)
        except OciSpecError:
            return None
    elif f"{kind}:{name}" != _CATALOG:
        return None
    known = frozenset(actions) & _meanings(repository).keys()
    return TokenScope(repository, known) if known else None


def covers(granted: Granted, permission: Permission, repository: RepositoryName | None) -> bool:
    """Whether a token with `granted` may be used for `permission` on `repository` (None: the registry as a whole)."""
    if permission is Permission.PUBLIC:
        return True
    # Without the check a permission of the registry as a whole would be sought among the catalog's actions only.
    if (repository is not None) != (permission in OF_REPOSITORIES):
        return False
    resource = TokenScope(repository, frozenset()).resource
    return any(permission in needs and (resource, action) in granted for action, needs in _meanings(repository).items())


def _bounded(texts: Iterable[str]) -> list[str]:
    found: list[str] = []
    for text in texts:
        if len(text) > limits.TOKEN_SCOPES * limits.TOKEN_SCOPE_CHARACTERS:
            raise _too_much()
        found += text.split(" ")
    found = [text for text in found if text]
    if len(found) > limits.TOKEN_SCOPES or any(len(text) > limits.TOKEN_SCOPE_CHARACTERS for text in found):
        raise _too_much()
    return found


def _too_much() -> ParameterInvalid:
    most, longest = limits.TOKEN_SCOPES, limits.TOKEN_SCOPE_CHARACTERS
    return ParameterInvalid("scope", f"at most {most} scopes of at most {longest} characters")


def _understood(text: str) -> TokenScope | None:
    kind, _, rest = text.partition(":")
    name, _, actions = rest.rpartition(":")
    return understood(kind, name, actions.split(","))


def _meanings(repository: RepositoryName | None) -> Mapping[str, frozenset[Permission]]:
    return _OF_THE_CATALOG if repository is None else _OF_A_REPOSITORY
