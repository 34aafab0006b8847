"""The first account of a registry: an administrator, made by whichever node starts first."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR
from registry.metadata.account_rows import AccountKind, NamespaceKind, NewAccount
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.audit import Action

NAME: Final = AccountName("admin")
"""The name of the first administrator."""


async def is_needed(database: Database) -> bool:
    """Whether the registry has no account at all."""
    return await database.read(_is_needed)


async def make(database: Database, password_hash: str, moment: datetime) -> bool:
    """Make the administrator; False if another was faster, or there are accounts already."""
    return await database.write(_make, password_hash, moment)


def _is_needed(tx: Transaction) -> bool:
    return not tx.accounts.page(1)


def _make(tx: Transaction, password_hash: str, moment: datetime) -> bool:
    if not _is_needed(tx):
        return False
    made = tx.accounts.make(
        NewAccount(
            name=str(NAME),
            kind=AccountKind.USER,
            created_at=moment,
            created_by=str(OPERATOR),
            password_hash=password_hash,
            is_admin=True,
        )
    )
    if made is None:
        return False
    # What was pushed under this name while nobody had to log in stays an organisation's.
    namespace = tx.namespaces.make(str(NAME), NamespaceKind.USER, moment)
    if namespace is not None:
        tx.namespaces.set_member(namespace.id, made.id, is_owner=True, now=moment)
    audit.record(tx, Action.PERMISSION_CHANGED, actor=str(OPERATOR), target=str(NAME), moment=moment)
    return True
