"""The names of repositories, as far as the asker may pull from them."""

from __future__ import annotations

from oci_spec.reference import RepositoryName
from registry.auth.policy import Permission
from registry.auth.subject import Subject
from registry.metadata.transaction import Transaction
from registry.services.context import Services
from registry.services.pages import NamePage, cut, page_size


async def page(services: Services, subject: Subject, limit: int | None, last: RepositoryName | None) -> NamePage:
    """Up to `limit` repositories that sort after `last` and that `subject` may pull from."""
    size = page_size(services, limit)
    visible: list[str] = []
    while len(visible) <= size:
        wanted = size + 1 - len(visible)
        batch = await services.database.read(_names, last, wanted)
        visible += [str(name) for name in batch if services.policy.allows(subject, Permission.PULL, name)]
        if len(batch) < wanted:
            break
        last = batch[-1]
    return cut(visible, size)


def _names(tx: Transaction, after: RepositoryName | None, limit: int) -> list[RepositoryName]:
    return [row.name for row in tx.repositories.list(limit, after)]
