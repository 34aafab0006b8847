"""What the owners of a repository say of it: its description, and who may pull from it."""

from __future__ import annotations

from oci_spec.reference import RepositoryName
from registry.auth.access import Access
from registry.auth.pattern import RepositoryPattern
from registry.errors import RepositoryUnknown
from registry.metadata.rows import Repository, Visibility
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.context import Services, now
from registry.services.description import Description

_BATCH = 1000


async def describe(services: Services, access: Access, description: Description) -> None:
    """Let the repository be described by `description`. May be repeated.

    Raises:
        RepositoryUnknown: there is no such repository.
    """
    await services.database.write(_describe, access, description)


async def set_visibility(services: Services, access: Access, visibility: Visibility) -> None:
    """Let everyone pull from the repository, or only who was granted it. May be repeated.

    Raises:
        RepositoryUnknown: there is no such repository.
    """
    await services.database.write(_set_visibility, access, visibility)


async def matching(services: Services, pattern: RepositoryPattern) -> list[RepositoryName]:
    """All repositories that `pattern` means, in byte order; whoever shows them has asked who may see them."""
    if pattern.is_name:
        return [RepositoryName.parse(pattern.text)]
    names: list[RepositoryName] = []
    batch = await services.database.read(_names, None)
    while batch:
        names += filter(pattern.fits, batch)
        batch = await services.database.read(_names, batch[-1])
    return names


def _describe(tx: Transaction, access: Access, description: Description) -> None:
    row = _locked(tx, access)
    if tx.repositories.description(row.id) != description.text:
        tx.repositories.describe(row.id, description.text)
        _record(tx, audit.Action.REPOSITORY_DESCRIBED, access, {})


def _set_visibility(tx: Transaction, access: Access, visibility: Visibility) -> None:
    row = _locked(tx, access)
    if tx.repositories.visibility(row.id) is not visibility:
        tx.repositories.set_visibility(row.id, visibility)
        _record(tx, audit.Action.VISIBILITY_CHANGED, access, {"visibility": visibility.value})


def _locked(tx: Transaction, access: Access) -> Repository:
    row = tx.repositories.lock(access.repository)
    if row is None:
        raise RepositoryUnknown(access.repository)
    return row


def _record(tx: Transaction, action: audit.Action, access: Access, detail: dict[str, str]) -> None:
    audit.record(tx, action, actor=access.actor, target=str(access.repository), moment=now(), detail=detail)


def _names(tx: Transaction, after: RepositoryName | None) -> list[RepositoryName]:
    return [row.name for row in tx.repositories.list(_BATCH, after)]
