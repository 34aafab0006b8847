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

    @property
    def actor(self) -> str:
        """The subject as tables and logs record it."""
        return str(self.subject)


async def grant(policy: Policy, subject: Subject, permission: Permission, repository: RepositoryName) -> Access:
    """The access of `subject` to `repository`.

    Raises:
        Denied: the policy does not allow it.
    """
    await require(policy, subject, permission, repository)
    return Access(subject, repository)
