from registry.metadata.account_rows import Namespace, NamespaceKind, OrganisationSummary
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW, ensure
from tests.registry.metadata.people import a_grant, an_account


async def test_a_name_is_one_namespace_whatever_its_kind(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        made = tx.namespaces.make("alice", NamespaceKind.USER, NOW)

        assert made is not None
        assert tx.namespaces.find("alice") == made
        assert tx.namespaces.make("alice", NamespaceKind.ORGANISATION, NOW) is None
        assert tx.namespaces.find("bob") is None

    await database.write(unit)


async def test_what_began_with_a_push_is_an_organisation(database: Database) -> None:
    await database.write(ensure)

    found = await database.read(lambda tx: tx.namespaces.find("team"))

    assert found is not None
    assert found.kind is NamespaceKind.ORGANISATION


async def test_members_are_owners_or_not(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        team = an_organisation(tx)
        alice, bob = an_account(tx), an_account(tx, "bob")
        tx.namespaces.set_member(team.id, bob.id, is_owner=False, now=NOW)
        tx.namespaces.set_member(team.id, alice.id, is_owner=True, now=NOW)

        assert [(each.name, each.is_owner) for each in tx.namespaces.members(team.id)] == [
            ("alice", True),
            ("bob", False),
        ]
        assert tx.namespaces.owns(team.id, alice.id)
        assert not tx.namespaces.owns(team.id, bob.id)
        assert [(each.namespace, each.is_owner) for each in tx.namespaces.of_account(bob.id)] == [(team, False)]
        assert tx.namespaces.has_member("team", bob.id)
        assert not tx.namespaces.has_member("nobodys", bob.id)

        tx.namespaces.set_member(team.id, bob.id, is_owner=True, now=NOW)
        assert tx.namespaces.owns(team.id, bob.id)
        assert tx.namespaces.remove_member(team.id, bob.id)
        assert not tx.namespaces.remove_member(team.id, bob.id)
        assert not tx.namespaces.owns(team.id, bob.id)

    await database.write(unit)


async def test_a_team_has_its_own_members_and_a_name_of_its_namespace(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        namespace, other = an_organisation(tx), an_organisation(tx, "other")
        alice, bob = an_account(tx), an_account(tx, "bob")
        made = tx.teams.make(namespace.id, "builders", NOW)
        assert made is not None
        assert tx.teams.make(namespace.id, "builders", NOW) is None
        assert tx.teams.make(other.id, "builders", NOW) is not None
        assert tx.teams.find(namespace.id, "builders") == made
        assert tx.teams.list(namespace.id) == [made]

        assert tx.teams.add_member(made.id, bob.id)
        assert not tx.teams.add_member(made.id, bob.id)
        assert tx.teams.add_member(made.id, alice.id)
        assert tx.teams.members(made.id) == ["alice", "bob"]
        assert tx.teams.remove_member(made.id, bob.id)
        assert not tx.teams.remove_member(made.id, bob.id)
        assert tx.teams.members(made.id) == ["alice"]

    await database.write(unit)


async def test_lists_go_on_after_a_name(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        crew, team = an_organisation(tx, "crew"), an_organisation(tx)
        tx.namespaces.make("people", NamespaceKind.USER, NOW)
        ensure(tx)
        people = [an_account(tx, name) for name in ("bob", "alice", "eve")]
        for each in people:
            tx.namespaces.set_member(team.id, each.id, is_owner=each.name == "eve", now=NOW)
        made = [tx.teams.make(team.id, name, NOW) for name in ("b", "a")]
        assert made[0] is not None
        for each in people:
            tx.teams.add_member(made[0].id, each.id)

        summary = OrganisationSummary("team", NOW, members=3, teams=2, repositories=1)
        assert tx.organisations.summary("team") == summary
        assert tx.organisations.summary("people") is None
        assert [each.name for each in tx.organisations.page(9)] == ["crew", "team"]
        assert tx.organisations.page(9, after="crew") == [summary]
        assert tx.organisations.page_of(people[0].id, 9) == [summary]
        assert tx.organisations.page_of(people[0].id, 9, after="team") == []
        assert [each.name for each in tx.namespaces.member_page(team.id, 1, after="alice")] == ["bob"]
        assert tx.namespaces.lock_owners(team.id) == [people[2].id]
        assert [each.name for each in tx.teams.page(team.id, 1)] == ["a"]
        assert [each.name for each in tx.teams.page(team.id, 9, after="a")] == ["b"]
        assert (tx.teams.count(team.id), tx.teams.count(crew.id)) == (2, 0)
        assert tx.teams.member_page(made[0].id, 2, after="alice") == ["bob", "eve"]

    await database.write(unit)


async def test_a_removed_team_takes_what_it_was_granted_with_it(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        made = tx.teams.make(an_organisation(tx).id, "builders", NOW)
        assert made is not None
        granted = a_grant(tx, "team/*", "team/", team_id=made.id)

        assert tx.teams.remove(made.id)

        assert not tx.teams.remove(made.id)
        assert tx.grants.find(granted.id) is None

    await database.write(unit)


def an_organisation(tx: Transaction, name: str = "team") -> Namespace:
    made = tx.namespaces.make(name, NamespaceKind.ORGANISATION, NOW)
    assert made is not None
    return made
