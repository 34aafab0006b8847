"""Tags: listed, moved, and remembered. A tag is a row with a time of validity, so its past can be asked."""

from __future__ import annotations

from collections.abc import Iterable

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry.auth.access import Access
from registry.errors import ManifestUnknown, RepositoryUnknown, TagNotRestorable, TagProtected
from registry.metadata.rows import TagRow
from registry.metadata.transaction import Transaction
from registry.services import events, protections
from registry.services.context import Services, now
from registry.services.events import About, EventKind
from registry.services.pages import NamePage, cut, page_size


async def page(services: Services, access: Access, limit: int | None, last: Tag | None) -> NamePage:
    """Up to `limit` tags that sort after `last`, which need not exist (any more).

    Raises:
        RepositoryUnknown: nothing was ever pushed there.
    """
    size = page_size(services, limit)
    return cut(await services.database.read(_names, access.repository, last, size + 1), size)


async def point(services: Services, access: Access, tag: Tag, digest: Digest) -> None:
    """Make `tag` name the manifest `digest` from now on; what it named before stays in its history.

    Pointing a tag at what it already names changes nothing and sends no event.

    Raises:
        ManifestUnknown: the repository holds no manifest with this digest.
        TagProtected: it names another one and is protected.
    """
    await services.database.write(_point, access, tag, digest)


async def restore(services: Services, access: Access, tag: Tag, target: Digest | int) -> Digest:
    """Make `tag` name again a manifest that it named before, and give its digest; it may name nothing by now.

    `target` is that digest, or how many steps of the tag's history lie between then and now, 1 or more.

    Raises:
        RepositoryUnknown: there is no such repository.
        TagNotRestorable: it has no such past, or the manifest is not in the repository any more.
        TagProtected: it names another manifest and is protected.
    """
    return await services.database.write(_restore, access, tag, target)


async def history(
    services: Services, access: Access, tag: Tag, limit: int, *, before: int | None = None
) -> list[TagRow]:
    """What `tag` has named, newest first; also of a tag that is gone. `before` is the key of the last entry known.

    Raises:
        RepositoryUnknown: there is no such repository.
        ManifestUnknown: the repository never had such a tag.
    """
    return await services.database.read(_history, access.repository, tag, limit, before=before)


def move(tx: Transaction, repository_id: int, tags: Iterable[Tag], digest: Digest, *, about: About) -> list[Tag]:
    """Point `tags` at `digest` within a transaction, and give those that may not: protected ones that name another.

    A real move sends its event, in the same transaction.
    """
    tags = list(tags)
    protected = protections.protected(tx, repository_id, tags)
    refused = []
    for tag in tags:
        settle = tx.tags.begin if tag in protected else tx.tags.point
        previous = settle(repository_id, tag, digest, actor=about.access.actor, now=about.moment)
        if tag in protected and previous not in {None, digest}:
            refused.append(tag)
        elif previous != digest:
            events.record(tx, EventKind.TAG_MOVED, about, digest=digest, tag=tag)
    return refused


def _names(tx: Transaction, repository: RepositoryName, after: Tag | None, limit: int) -> list[str]:
    row = tx.repositories.find(repository)
    if row is None:
        raise RepositoryUnknown(repository)
    return tx.tags.page(row.id, None if after is None else str(after), limit)


def _point(tx: Transaction, access: Access, tag: Tag, digest: Digest) -> None:
    moment = now()
    row = tx.repositories.find(access.repository)
    if row is None or not tx.manifests.exists(row.id, digest):
        raise ManifestUnknown(access.repository, digest)
    if refused := move(tx, row.id, (tag,), digest, about=About(access, moment)):
        raise TagProtected(access.repository, refused)


def _restore(tx: Transaction, access: Access, tag: Tag, target: Digest | int) -> Digest:
    moment = now()
    row = tx.repositories.find(access.repository)
    if row is None:
        raise RepositoryUnknown(access.repository)
    if isinstance(target, int):
        digest = _named_before(tx, row.id, tag, steps=target)
        missing = f"there are less than {target} steps in its history"
    else:
        digest = target if tx.tags.ever_named(row.id, tag, target) else None
        missing = f"it never named {target}"
    if digest is None:
        raise TagNotRestorable(access.repository, tag, missing)
    if not tx.manifests.exists(row.id, digest):
        raise TagNotRestorable(access.repository, tag, f"the manifest that it named then is gone: {digest}")
    if refused := move(tx, row.id, (tag,), digest, about=About(access, moment)):
        raise TagProtected(access.repository, refused)
    return digest


def _named_before(tx: Transaction, repository_id: int, tag: Tag, *, steps: int) -> Digest | None:
    entries = tx.tags.history(repository_id, tag, steps + 1)
    # What a tag that is gone named last lies one step back, as does what one that is there named before.
    past = [entry for entry in entries if entry.valid_until is not None]
    return past[steps - 1].digest if len(past) >= steps else None


def _history(tx: Transaction, repository: RepositoryName, tag: Tag, limit: int, *, before: int | None) -> list[TagRow]:
    row = tx.repositories.find(repository)
    if row is None:
        raise RepositoryUnknown(repository)
    entries = tx.tags.history(row.id, tag, limit, before=before)
    if not entries and before is None:
        raise ManifestUnknown(repository, tag)
    return entries
