"""What a subject may do: the one place where access is decided."""

from __future__ import annotations

from typing import Protocol

from oci_spec.reference import RepositoryName
from registry.auth.permission import Permission
from registry.auth.subject import PASSWORD, Subject, SubjectKind
from registry.errors import Denied, PasswordRequired
from registry.metadata.visible import EVERYTHING, NOTHING, Visible


class Policy(Protocol):
    """The rules in force."""

    async def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        """Whether `subject` holds `permission` on `repository` (None: on the registry as a whole).

        Raises:
            NamespaceUnknown: an account would push, and nobody made the namespace.
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        ...

    async def visible(self, subject: Subject) -> Visible:
        """Which repositories may be shown to `subject`: just those for whose names `allows` says so of `CATALOG`.

        Raises:
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        ...

    async def owns(self, subject: Subject, namespace: str) -> bool:
        """Whether `subject` may say who belongs to `namespace`, and what may be done in it.

        False for one that nobody made, but to those who may administer the registry.

        Raises:
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        ...

    async def makes_namespaces(self, subject: Subject) -> bool:
        """Whether a push that `subject` may make also makes the namespace that it goes to, where there is none.

        Raises:
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        ...


class OpenPolicy:
    """`auth.mode = "none"`: everybody who can reach the registry may do everything.

    Subjects are still told apart, because a kind that is not listed here (one that a later authenticator adds)
    must not inherit these rights by accident.
    """

    _ALLOWED = frozenset({SubjectKind.ANONYMOUS, SubjectKind.OPERATOR, SubjectKind.SYSTEM})

    async def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        """True for every subject that exists while authentication is off."""
        return subject.kind in self._ALLOWED

    async def visible(self, subject: Subject) -> Visible:
        """All repositories, for the same subjects."""
        return EVERYTHING if subject.kind in self._ALLOWED else NOTHING

    async def owns(self, subject: Subject, namespace: str) -> bool:
        """True for every subject that exists while authentication is off."""
        return subject.kind in self._ALLOWED

    async def makes_namespaces(self, subject: Subject) -> bool:
        """True for every subject that exists while authentication is off."""
        return subject.kind in self._ALLOWED


async def require_owner(policy: Policy, subject: Subject, namespace: str) -> None:
    """Return when `subject` owns `namespace`; otherwise raise.

    Raises:
        Denied: they do not.
    """
    if not await policy.owns(subject, namespace):
        raise Denied


async def require_own(policy: Policy, subject: Subject, account: str) -> None:
    """Return when `subject` is a person and the account is theirs, or they may administer all; otherwise raise.

    A robot has no say about itself: it is its namespace's owners who have.

    Raises:
        Denied: it is somebody else's.
    """
    is_theirs = subject.kind is SubjectKind.USER and subject.account_id is not None and subject.name == account
    await require(policy, subject, Permission.SELF if is_theirs else Permission.ADMINISTER, None)


def require_password(subject: Subject) -> None:
    """Return when `subject` has proved a password, or is at work beside the data; otherwise raise.

    For what gives a way in: accounts, administrators, passwords and tokens. Whoever has stolen a token could otherwise
    outlive its revocation.

    Raises:
        PasswordRequired: another proof, or none, was brought.
    """
    if subject.kind in {SubjectKind.OPERATOR, SubjectKind.SYSTEM}:
        return
    if subject.proof is None or subject.proof.kind != PASSWORD:
        raise PasswordRequired


async def require(policy: Policy, subject: Subject, permission: Permission, repository: RepositoryName | None) -> None:
    """Return when `subject` may; otherwise raise.

    Raises:
        Denied: the policy does not allow it.
        NamespaceUnknown: as `Policy.allows` does.
    """
    if not await policy.allows(subject, permission, repository):
        raise Denied
