"""Protected tags: they are made once, and then neither moved nor removed until their protection is taken back."""

from __future__ import annotations

from collections.abc import Iterable

from oci_spec.reference import RepositoryName, Tag
from registry import limits
from registry.auth.access import Access
from registry.errors import ProtectionsTooMany, ProtectionUnknown, RepositoryUnknown
from registry.metadata.rows import Protection
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.context import Services, now
from registry.services.tag_pattern import TagPattern

_BATCH = 1000


async def listing(services: Services, access: Access) -> list[Protection]:
    """All protections of the repository in the byte order of their patterns.

    Raises:
        RepositoryUnknown: there is no such repository.
    """
    return await services.database.read(_listing, access.repository)


async def protect(services: Services, access: Access, pattern: TagPattern) -> None:
    """Protect all tags that fit `pattern`, also those to come. May be repeated.

    Once this returns, no push that was under way moves one of them any more.

    Raises:
        RepositoryUnknown: there is no such repository.
        ProtectionsTooMany: it has as many protections as it may have.
    """
    await services.database.write(_protect, access, pattern)


async def unprotect(services: Services, access: Access, pattern: TagPattern) -> None:
    """Take back what `protect` did with the same pattern; tags that fit another one stay protected.

    Raises:
        RepositoryUnknown: there is no such repository.
        ProtectionUnknown: it has no such protection.
    """
    await services.database.write(_unprotect, access, pattern)


def protected(tx: Transaction, repository_id: int, tags: Iterable[Tag]) -> frozenset[Tag]:
    """Those of `tags` that fit a protection of the repository, whether they exist or not."""
    patterns = _patterns(tx, repository_id)
    return frozenset(tag for tag in tags if _fits_any(patterns, tag))


def first_protected(tx: Transaction, repository_id: int) -> Tag | None:
    """The first tag of the repository, in byte order, that is there and protected."""
    patterns = _patterns(tx, repository_id)
    names = tx.tags.page(repository_id, None, _BATCH) if patterns else []
    while names:
        for tag in map(Tag.parse, names):
            if _fits_any(patterns, tag):
                return tag
        names = tx.tags.page(repository_id, names[-1], _BATCH)
    return None


def _listing(tx: Transaction, repository: RepositoryName) -> list[Protection]:
    row = tx.repositories.find(repository)
    if row is None:
        raise RepositoryUnknown(repository)
    return tx.protections.of(row.id)


def _protect(tx: Transaction, access: Access, pattern: TagPattern) -> None:
    row = tx.repositories.lock(access.repository)
    if row is None:
        raise RepositoryUnknown(access.repository)
    known = {protection.pattern for protection in tx.protections.of(row.id)}
    if len(known | {pattern.text}) > limits.TAG_PROTECTIONS:
        raise ProtectionsTooMany(access.repository, limits.TAG_PROTECTIONS)
    if pattern.text not in known:
        tx.protections.add(row.id, pattern.text, actor=access.actor, now=now())
        _record(tx, audit.Action.TAGS_PROTECTED, access, pattern)


def _unprotect(tx: Transaction, access: Access, pattern: TagPattern) -> None:
    row = tx.repositories.find(access.repository)
    if row is None:
        raise RepositoryUnknown(access.repository)
    if not tx.protections.remove(row.id, pattern.text):
        raise ProtectionUnknown(access.repository, pattern.text)
    _record(tx, audit.Action.TAGS_UNPROTECTED, access, pattern)


def _record(tx: Transaction, action: audit.Action, access: Access, pattern: TagPattern) -> None:
    target, detail = str(access.repository), {"pattern": pattern.text}
    audit.record(tx, action, actor=access.actor, target=target, moment=now(), detail=detail)


def _patterns(tx: Transaction, repository_id: int) -> list[TagPattern]:
    return [TagPattern(protection.pattern) for protection in tx.protections.of(repository_id)]


def _fits_any(patterns: list[TagPattern], tag: Tag) -> bool:
    return any(pattern.fits(tag) for pattern in patterns)
