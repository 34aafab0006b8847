"""Who owns a namespace, and what those are told who do not."""

from __future__ import annotations

from registry.auth.subject import Subject
from registry.errors import Denied, RegistryError
from registry.services.context import Services


async def require_owner(services: Services, subject: Subject, namespace: str, hidden: RegistryError) -> None:
    """Return when `subject` owns the namespace; otherwise raise `hidden`, or what those may know who belong to it.

    Raises:
        Denied: they belong to it, so that they know of it, and are no owner.
    """
    if await services.policy.owns(subject, namespace):
        return
    raise Denied if await belongs(services, subject, namespace) else hidden


async def belongs(services: Services, subject: Subject, namespace: str) -> bool:
    """Whether `subject` is somebody who belongs to the namespace."""
    account_id = subject.account_id
    if account_id is None:
        return False
    return await services.database.read(lambda tx: tx.namespaces.has_member(namespace, account_id))
