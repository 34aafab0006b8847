"""The names of repositories, as far as the asker may pull from them."""

from __future__ import annotations

from oci_spec.reference import RepositoryName
from registry.auth.permission import Permission
from registry.auth.subject import Subject
from registry.metadata.transaction import Transaction
from registry.services.context import Services
from registry.services.pages import NamePage, cut, page_size

_BATCH = 500


async def page(services: Services, subject: Subject, limit: int | None, last: RepositoryName | None) -> NamePage:
    """Up to `limit` repositories that sort after `last` and that `subject` may pull from."""
    size = page_size(services, limit)
    visible: list[str] = []
    batch_size = size + 1
    while True:
        batch = await services.database.read(_names, last, batch_size)
        visible += [str(name) for name in batch if await services.policy.allows(subject, Permission.CATALOG, name)]
        if len(visible) > size or len(batch) < batch_size:
            return cut(visible, size)
        # Whoever sees few of many repositories must not cost a query for each that is not theirs.
        last, batch_size = batch[-1], max(size + 1, _BATCH)


def _names(tx: Transaction, after: RepositoryName | None, limit: int) -> list[RepositoryName]:
    return [row.name for row in tx.repositories.list(limit, after)]
