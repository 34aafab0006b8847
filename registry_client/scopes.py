"""Scopes: what a token is to allow (distribution's "Token Scope Documentation")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oci_spec.reference import RepositoryName

PULL = "pull"
PUSH = "push"
DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Scope:
    """A resource (`repository:a/b`), and the actions on it that are allowed or asked for.

    A text that names no actions is a resource alone: some registries have scopes of their own making.
    """

    resource: str
    actions: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The scope written as `repository:host:5000/a/b:pull,push`: the last colon stands before the actions."""
        resource, colon, actions = text.rpartition(":")
        if not colon or ":" not in resource:
            return cls(text)
        return cls(resource, frozenset(filter(None, actions.split(","))))

    def __str__(self) -> str:
        # Always in the same order, which is also the one that most clients send.
        return f"{self.resource}:{','.join(sorted(self.actions))}" if self.actions else self.resource


class Scopes:
    """A set of scopes, at most one for a resource. Immutable and hashable."""

    __slots__ = ("_scopes",)

    def __init__(self, scopes: Iterable[Scope] = ()) -> None:
        actions: dict[str, frozenset[str]] = {}
        for scope in scopes:
            actions[scope.resource] = actions.get(scope.resource, frozenset()) | scope.actions
        self._scopes = frozenset(Scope(resource, allowed) for resource, allowed in actions.items())

    @classmethod
    def parse(cls, text: str) -> Scopes:
        """The scopes of a challenge, which spaces separate."""
        return cls(map(Scope.parse, text.split()))

    def __or__(self, other: Scopes) -> Scopes:
        return Scopes([*self._scopes, *other._scopes])

    def covers(self, other: Scopes) -> bool:
        """Whether all that `other` allows is allowed by this too."""
        return self | other == self

    def texts(self) -> list[str]:
        """Each scope as it is sent, in a fixed order."""
        return sorted(map(str, self._scopes))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scopes) and self._scopes == other._scopes

    def __hash__(self) -> int:
        return hash(self._scopes)

    def __repr__(self) -> str:
        return f"Scopes({' '.join(self.texts())!r})"


def to_pull(repository: RepositoryName) -> Scopes:
    """What reading from a repository needs."""
    return Scopes([Scope(f"repository:{repository}", frozenset({PULL}))])


def to_push(repository: RepositoryName, source: RepositoryName | None = None) -> Scopes:
    """What writing to a repository needs, and mounting blobs from `source`."""
    own = Scopes([Scope(f"repository:{repository}", frozenset({PULL, PUSH}))])
    return own if source is None else own | to_pull(source)


def to_delete(repository: RepositoryName) -> Scopes:
    """What deleting from a repository needs."""
    return Scopes([Scope(f"repository:{repository}", frozenset({PULL, DELETE}))])


CATALOG = Scopes([Scope("registry:catalog", frozenset({"*"}))])
"""What listing a registry's repositories needs."""

NOTHING = Scopes()
"""What needs no right but to be who one says."""
