"""What a subject may do: the one place where access is decided."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from oci_spec.reference import RepositoryName
from registry.auth.subject import Subject, SubjectKind
from registry.errors import Denied


class Permission(StrEnum):
    """What a route or a service needs. Those of a repository are asked with its name, the others without."""

    PUBLIC = "public"  # answers no question about content: health, the version check, the API document
    OBSERVE = "observe"  # figures about the whole registry
    CATALOG = "catalog"  # names of repositories
    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


class Policy(Protocol):
    """The rules in force."""

    def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        """Whether `subject` holds `permission` on `repository` (None: on the registry as a whole)."""
        ...


class OpenPolicy:
    """`auth.mode = "none"`: everybody who can reach the registry may do everything.

    Subjects are still told apart, because a kind that is not listed here (one that a later authenticator adds)
    must not inherit these rights by accident.
    """

    _ALLOWED = frozenset({SubjectKind.ANONYMOUS, SubjectKind.OPERATOR, SubjectKind.SYSTEM})

    def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        """True for every subject that exists while authentication is off."""
        return subject.kind in self._ALLOWED


def require(policy: Policy, subject: Subject, permission: Permission, repository: RepositoryName | None) -> None:
    """Return when `subject` may; otherwise raise.

    Raises:
        Denied: the policy does not allow it.
    """
    if not policy.allows(subject, permission, repository):
        raise Denied
