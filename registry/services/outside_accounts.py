"""Accounts of people whom another source knows: made when that has proved them for the first time."""

from __future__ import annotations

from datetime import datetime

from registry.auth.authenticator import Identity
from registry.auth.subject import system
from registry.errors import NameTaken
from registry.metadata.account_rows import Account, AccountKind, NewAccount
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from registry.services.accounts import make_person


async def account_of(database: Database, identity: Identity, moment: datetime) -> Account:
    """The account of whom a source has proved, as it stands; made now if there is none, with a namespace of its name.

    Raises:
        NameTaken: another person or an organisation has the name, or this person came under another name before.
    """
    account = await database.read(_find, identity)
    if account is None:
        try:
            account = await database.write(_make, identity, moment)
        except NameTaken:
            # Two first logins at once may meet; else it is somebody else's.
            account = await database.read(_find, identity)
    if account is None or account.name != str(identity.name):
        raise NameTaken(str(identity.name))
    return account


def _find(tx: Transaction, identity: Identity) -> Account | None:
    return tx.accounts.find_by_external_id(identity.source, identity.external_id)


def _make(tx: Transaction, identity: Identity, moment: datetime) -> Account:
    return make_person(
        tx,
        NewAccount(
            name=str(identity.name),
            kind=AccountKind.USER,
            source=identity.source,
            external_id=identity.external_id,
            created_at=moment,
            created_by=str(system(identity.source)),
        ),
    )
