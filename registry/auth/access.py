"""What the policy has granted, as a value that services ask for."""

from __future__ import annotations

from dataclasses import dataclass

from oci_spec.reference import RepositoryName
from registry.auth.permission import Permission
from registry.auth.policy import Policy, require
from registry.auth.subject import Subject


@dataclass(frozen=True, slots=True)
class Access:
    """A subject acting in a repository, with a permission that was asked for; made by `grant`."""

    subject: Subject
    repository: RepositoryName
    may_make_namespace: bool = False
    """Whether a push makes the repository's namespace where there is none."""

    @property
    def actor(self) -> str:
        """The subject as tables and logs record it."""
        return str(self.subject)


async def grant(policy: Policy, subject: Subject, permission: Permission, repository: RepositoryName) -> Access:
    """The access of `subject` to `repository`; one to push says too whether that may make the namespace.

    Raises:
        Denied: the policy does not allow it.
    """
    await require(policy, subject, permission, repository)
    may_make_namespace = permission is Permission.PUSH and await policy.makes_namespaces(subject)
    return Access(subject, repository, may_make_namespace)
