"""What every request asks about accounts and what they may do, on both databases."""

import pytest

from oci_spec.reference import RepositoryName
from registry.metadata.account_rows import NamespaceKind, RepositoryStanding, Standing
from registry.metadata.database import Database, open_database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import APP, NOW, ensure, later
from tests.registry.metadata.people import a_credential, a_grant, an_account, hash_of

_BUCKETS = ("team/app", "team/", "")


async def test_an_account_and_a_credential_are_as_their_transactions_see_them(database: Database) -> None:
    def make(tx: Transaction) -> None:
        alice = an_account(tx, is_admin=True, expires_at=later(60))
        bob = an_account(tx, "bob")
        tx.accounts.disable(bob.id)
        tx.accounts.set_password(bob.id, "hash")
        tx.accounts.note_login(bob.id, later(1))
        a_credential(tx, alice, "plain")
        used = a_credential(tx, alice, "used", expires_at=later(9))
        tx.credentials.revoke(alice.id, used.id, later(2))

    await database.write(make)

    for name in ("alice", "bob", "carol"):
        account = await database.read(_account, name)
        assert await database.lookups.account_by_name(name) == account
        assert await database.lookups.account_by_id(0 if account is None else account.id) == account
    for secret in ("plain", "used", "none"):
        found = await database.lookups.credential_by_hash(hash_of(secret))
        assert found == await database.read(_credential, secret)


async def test_the_standing_of_an_account_is_told_with_that_of_its_own_credential(database: Database) -> None:
    def make(tx: Transaction) -> tuple[int, int, int]:
        alice, bob = an_account(tx, is_admin=True), an_account(tx, "bob", expires_at=later(60))
        credential = a_credential(tx, bob, expires_at=later(9))
        return alice.id, bob.id, credential.id

    alice, bob, credential = await database.write(make)
    standing = database.lookups.standing

    assert await standing(alice, None) == Standing(1, True, False, None, None, False, None)
    assert await standing(alice, credential) == await standing(alice, None)
    assert await standing(bob, credential) == Standing(1, False, False, later(60), "personal", False, later(9))
    assert await standing(alice + bob, None) is None

    await database.write(lambda tx: (tx.credentials.revoke(bob, credential, NOW), tx.accounts.disable(bob)))
    assert await standing(bob, credential) == Standing(2, False, True, later(60), "personal", True, later(9))


def test_a_standing_is_judged_by_the_time_of_the_question() -> None:
    standing = Standing(1, False, False, later(60), "personal", False, later(9))

    assert standing.account_is_live(later(59))
    assert not standing.account_is_live(later(60))
    assert standing.credential_is_live(later(8))
    assert not standing.credential_is_live(later(9))


async def test_the_standing_of_a_repository_begins_with_its_namespace(database: Database) -> None:
    def make(tx: Transaction) -> tuple[int, int]:
        alice, bob = an_account(tx), an_account(tx, "bob")
        team = tx.namespaces.make("team", NamespaceKind.ORGANISATION, NOW)
        assert team is not None
        tx.namespaces.set_member(team.id, alice.id, is_owner=True, now=NOW)
        tx.namespaces.set_member(team.id, bob.id, is_owner=False, now=NOW)
        return alice.id, bob.id

    alice, bob = await database.write(make)
    standing = database.lookups.repository_standing

    assert await standing(APP, alice) == RepositoryStanding(NamespaceKind.ORGANISATION, None, is_owner=True)
    await database.write(ensure)
    for account, is_owner in ((alice, True), (bob, False), (None, False)):
        found = await standing(APP, account)
        assert found == RepositoryStanding(NamespaceKind.ORGANISATION, "private", is_owner=is_owner)
    assert await standing(RepositoryName.parse("other/app"), alice) is None
    owned = {(account, name) for account in (alice, bob) for name in ("team", "other")}
    assert {each for each in owned if await database.lookups.owns_namespace(*each)} == {(alice, "team")}


async def test_roles_are_those_of_the_account_and_of_its_teams_in_the_buckets(database: Database) -> None:
    def make(tx: Transaction) -> int:
        alice, bob = an_account(tx), an_account(tx, "bob")
        organisation = tx.namespaces.make("team", NamespaceKind.ORGANISATION, NOW)
        assert organisation is not None
        mine = tx.teams.make(organisation.id, "mine", NOW)
        others = tx.teams.make(organisation.id, "others", NOW)
        assert mine is not None
        assert others is not None
        tx.teams.add_member(mine.id, alice.id)
        tx.teams.add_member(others.id, bob.id)
        a_grant(tx, "team/app", "team/app", "reader", account_id=alice.id)
        a_grant(tx, "team/other", "team/other", "reader", account_id=alice.id)
        a_grant(tx, "team/a*", "team/", "writer", team_id=mine.id)
        a_grant(tx, "*", "", "owner", team_id=others.id)
        a_grant(tx, "*", "", "owner", account_id=bob.id)
        return alice.id

    alice = await database.write(make)

    found = await database.lookups.granted_roles(alice, _BUCKETS)

    assert sorted(found) == [("team/a*", "writer"), ("team/app", "reader")]
    assert await database.lookups.granted_roles(alice + 9, _BUCKETS) == ()


@pytest.mark.parametrize("answers_are_repeated", [False, True])
async def test_what_another_connection_changed_is_seen_by_the_very_next_question(
    database_url: str, database: Database, *, answers_are_repeated: bool
) -> None:
    def make(tx: Transaction) -> tuple[int, int, int]:
        alice = an_account(tx)
        ensure(tx)
        return alice.id, a_credential(tx, alice).id, a_grant(tx, "team/*", "team/", account_id=alice.id).id

    def take(tx: Transaction) -> None:
        tx.grants.remove(grant)
        tx.credentials.revoke(alice, credential, NOW)
        tx.accounts.disable(alice)

    async with await open_database(database_url) as other:
        alice, credential, grant = await other.write(make)
        for _ in range(2 if answers_are_repeated else 1):
            before = await database.lookups.standing(alice, credential)
            assert before is not None
            assert not before.credential_revoked
            assert await database.lookups.granted_roles(alice, _BUCKETS) == (("team/*", "writer"),)
            assert await database.lookups.account_by_name("alice") is not None

        await other.write(take)

    after = await database.lookups.standing(alice, credential)
    assert after is not None
    assert (after.is_disabled, after.credential_revoked, after.generation) == (True, True, 2)
    assert await database.lookups.granted_roles(alice, _BUCKETS) == ()
    account = await database.lookups.account_by_name("alice")
    found = await database.lookups.credential_by_hash(hash_of("secret"))
    assert account is not None
    assert found is not None
    assert account.is_disabled
    assert found.revoked_at == NOW


def _account(tx: Transaction, name: str) -> object:
    return tx.accounts.find(name)


def _credential(tx: Transaction, secret: str) -> object:
    return tx.credentials.find(hash_of(secret))
