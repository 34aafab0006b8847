"""The names of repositories, as far as the asker may pull from them."""

from __future__ import annotations

from oci_spec.reference import RepositoryName
from registry.auth.subject import Subject
from registry.metadata.transaction import Transaction
from registry.metadata.visible import Visible
from registry.services.context import Services
from registry.services.pages import NamePage, cut, page_size


async def page(services: Services, subject: Subject, limit: int | None, last: RepositoryName | None) -> NamePage:
    """Up to `limit` repositories that sort after `last` and that `subject` may pull from."""
    size = page_size(services, limit)
    visible = await services.policy.visible(subject)
    return cut(await services.database.read(_names, visible, size + 1, last), size)


def _names(tx: Transaction, visible: Visible, limit: int, after: RepositoryName | None) -> list[str]:
    return [str(name) for name in tx.repositories.names(visible, limit, after)]
