from registry.metadata.account_rows import NamespaceKind
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW
from tests.registry.metadata.people import a_grant, an_account

FIRST = ("", "")


async def test_a_grant_for_the_same_pattern_takes_the_place_of_the_one_before(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        alice = an_account(tx)
        namespace = tx.namespaces.make("team", NamespaceKind.ORGANISATION, NOW)
        assert namespace is not None
        team = tx.teams.make(namespace.id, "builders", NOW)
        assert team is not None
        for grantee in ({"account_id": alice.id}, {"team_id": team.id}):
            before = a_grant(tx, "team/*", "team/", "reader", **grantee)

            after = a_grant(tx, "team/*", "team/", "owner", **grantee)

            assert (after.id, after.role) == (before.id, "owner")
            assert tx.grants.find(before.id) == after
        assert len(tx.grants.of_account(alice.id)) == len(tx.grants.page_of_team(team.id, FIRST, 9)) == 1

    await database.write(unit)


async def test_grants_are_listed_by_grantee_by_repository_and_by_namespace(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        alice, bob = an_account(tx).id, an_account(tx, "bob").id
        everywhere = a_grant(tx, "*", "", account_id=alice)
        app = a_grant(tx, "team/app", "team/app", account_id=alice)
        some = a_grant(tx, "team/a*", "team/", account_id=bob)
        beside = a_grant(tx, "team-b/app", "team-b/app", account_id=bob)
        other = a_grant(tx, "team/other", "team/other", account_id=bob)

        assert tx.grants.of_account(alice) == [everywhere, app]
        assert tx.grants.of_account(bob) == [beside, some, other]
        assert tx.grants.page_of_account(bob, FIRST, 2) == [beside, some]
        assert tx.grants.page_of_account(bob, ("team/", "team/a*"), 2) == [other]
        assert tx.grants.page_of_account(alice, FIRST, 1) == [everywhere]
        assert tx.grants.page_of_account(alice, ("", "*"), 2) == [app]
        assert tx.grants.by_pattern_of_account(bob, "team/", "team/a*") == some
        assert tx.grants.by_pattern_of_account(alice, "team/", "team/a*") is None
        assert [(each.grant, each.account) for each in tx.grants.in_buckets(("team/app", "team/", ""))] == [
            (everywhere, "alice"),
            (some, "bob"),
            (app, "alice"),
        ]
        assert tx.grants.in_namespace("team") == [some, app, other]

        assert tx.grants.remove(some.id)
        assert not tx.grants.remove(some.id)
        assert tx.grants.in_namespace("team") == [app, other]

    await database.write(unit)


async def test_a_name_of_one_component_is_in_the_default_namespace(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        alice = an_account(tx).id
        a_grant(tx, "*", "", account_id=alice)
        a_grant(tx, "team/app", "team/app", account_id=alice)
        alone = a_grant(tx, "alone", "alone", account_id=alice)
        some = a_grant(tx, "library/*", "library/", account_id=alice)

        assert tx.grants.in_namespace("library") == [some, alone]
        assert tx.grants.in_namespace("alone") == []

    await database.write(unit)
