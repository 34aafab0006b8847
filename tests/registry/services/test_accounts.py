"""Accounts of people: each with a namespace of its own, and never without an administrator."""

from __future__ import annotations

import asyncio

import pytest

from registry.auth.account_name import AccountName
from registry.auth.passwords import StoredPassword
from registry.auth.subject import ANONYMOUS, OPERATOR
from registry.errors import (
    AccountNameInvalid,
    AccountUnknown,
    Denied,
    LastAdministrator,
    NameTaken,
    PasswordElsewhere,
    RegistryError,
)
from registry.metadata.account_rows import AccountKind, NamespaceKind, NewAccount
from registry.metadata.audit_values import AuditSearch
from registry.services import accounts, audit
from registry.services.context import Services, now
from tests.registry.assembly import OpenWorker, Rules
from tests.registry.metadata.people import a_credential, a_grant
from tests.registry.pushing import Pusher

ALICE, BOB = AccountName.parse("alice"), AccountName.parse("bob")


async def test_a_person_owns_the_namespace_of_their_name(services: Services) -> None:
    made = await accounts.add(services, OPERATOR, ALICE, None)

    namespace = await services.database.read(lambda tx: tx.namespaces.find("alice"))
    assert namespace is not None
    assert namespace.kind is NamespaceKind.USER
    assert await services.database.read(lambda tx: tx.namespaces.owns(namespace.id, made.id))
    assert await accounts.show(services, OPERATOR, ALICE) == made


async def test_names_of_people_and_organisations_are_given_once(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None)
    await Pusher.to(services, "team/app").image("1")

    for name in ("alice", "team"):
        with pytest.raises(NameTaken):
            await accounts.add(services, OPERATOR, AccountName.parse(name), None)
    with pytest.raises(AccountNameInvalid):
        await accounts.add(services, OPERATOR, AccountName.parse("alice+ci"), None)

    assert [each.name for each in await accounts.listing(services, OPERATOR, limit=9)] == ["alice"]


async def test_with_a_password_falls_what_the_old_one_proved(services: Services) -> None:
    made = await accounts.add(services, OPERATOR, ALICE, "old")
    for kind in ("refresh", "personal"):
        await services.database.write(lambda tx, kind: a_credential(tx, made, kind, kind=kind), kind)

    await accounts.set_password(services, OPERATOR, ALICE, "new")

    account = await accounts.show(services, OPERATOR, ALICE)
    assert account.generation == made.generation + 1
    for password in ("old", "new"):
        stored = StoredPassword(account.id, account.generation, account.password_hash or "")
        assert await services.passwords.proves(stored, password) is (password == "new")
    left = await services.database.read(lambda tx: tx.credentials.list(made.id))
    assert {each.kind: each.revoked_at is None for each in left} == {"refresh": False, "personal": True}


async def test_a_password_that_another_source_keeps_is_not_changed_here(services: Services) -> None:
    new = NewAccount(name="alice", kind=AccountKind.USER, source="ldap", created_at=now(), created_by="ldap")
    await services.database.write(lambda tx: tx.accounts.make(new))

    with pytest.raises(PasswordElsewhere, match="ldap"):
        await accounts.set_password(services, OPERATOR, ALICE, "new")

    assert (await accounts.show(services, OPERATOR, ALICE)).password_hash is None


async def test_a_change_is_made_as_a_whole_or_not_at_all(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None, is_admin=True)
    await accounts.add(services, OPERATOR, BOB, None)
    await accounts.disable(services, OPERATOR, BOB)

    await accounts.change(services, OPERATOR, BOB, is_disabled=False, is_admin=True)
    await accounts.change(services, OPERATOR, ALICE, is_disabled=None, is_admin=False)
    with pytest.raises(LastAdministrator):
        await accounts.change(services, OPERATOR, BOB, is_disabled=True, is_admin=False)

    bob = await accounts.show(services, OPERATOR, BOB)
    assert (bob.is_disabled, bob.is_admin) == (False, True)


async def test_the_last_live_administrator_stays_one(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None, is_admin=True)
    await accounts.add(services, OPERATOR, BOB, None, is_admin=True)
    await accounts.disable(services, OPERATOR, BOB)

    for change in (accounts.disable, accounts.unmake_administrator, accounts.remove):
        with pytest.raises(LastAdministrator):
            await change(services, OPERATOR, ALICE)
    await accounts.enable(services, OPERATOR, BOB)
    await accounts.unmake_administrator(services, OPERATOR, ALICE)

    assert not (await accounts.show(services, OPERATOR, ALICE)).is_admin


async def test_two_administrators_who_remove_each_other_at_once_leave_one(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None, is_admin=True)
    await accounts.add(services, OPERATOR, BOB, None, is_admin=True)

    results = await asyncio.gather(
        accounts.remove(services, OPERATOR, ALICE),
        accounts.unmake_administrator(services, OPERATOR, BOB),
        return_exceptions=True,
    )

    assert [type(each) for each in results if each is not None] == [LastAdministrator]


async def test_an_empty_namespace_goes_with_its_person_and_so_do_the_grants_in_it(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None)
    bob = await accounts.add(services, OPERATOR, BOB, None)
    await services.database.write(lambda tx: a_grant(tx, "alice/*", "alice/", account_id=bob.id))

    await accounts.remove(services, OPERATOR, ALICE)

    assert await services.database.read(lambda tx: tx.namespaces.find("alice")) is None
    assert await services.database.read(lambda tx: tx.grants.of_account(bob.id)) == []
    await accounts.add(services, OPERATOR, ALICE, None)


async def test_repositories_outlive_their_person(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, None)
    await Pusher.to(services, "alice/app").image("1")

    await accounts.remove(services, OPERATOR, ALICE)

    assert await services.database.read(lambda tx: tx.namespaces.find("alice")) is not None
    with pytest.raises(NameTaken):
        await accounts.add(services, OPERATOR, ALICE, None)


async def test_every_change_is_audited_once(services: Services) -> None:
    await accounts.add(services, OPERATOR, BOB, None, is_admin=True)
    await accounts.add(services, OPERATOR, ALICE, None)
    await accounts.make_administrator(services, OPERATOR, ALICE)
    for _ in range(2):
        await accounts.disable(services, OPERATOR, ALICE)
    await accounts.remove(services, OPERATOR, ALICE)

    rows = await audit.page(services, AuditSearch(target="alice"), None, 10)
    assert [row.entry.action for row in reversed(rows)] == [
        "account.made",
        "administrator.made",
        "account.disabled",
        "account.removed",
    ]


async def test_who_does_not_exist_is_named(services: Services) -> None:
    for change in (accounts.show, accounts.disable, accounts.enable, accounts.make_administrator, accounts.remove):
        with pytest.raises(AccountUnknown):
            await change(services, OPERATOR, ALICE)


async def test_only_who_may_administer_looks_after_accounts(open_worker: OpenWorker) -> None:
    services = await open_worker(policy=Rules())

    with pytest.raises(Denied) as refused:
        await accounts.add(services, ANONYMOUS, ALICE, None)
    with pytest.raises(Denied):
        await accounts.remove(services, ANONYMOUS, ALICE)

    assert isinstance(refused.value, RegistryError)
