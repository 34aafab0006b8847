from registry.metadata.account_rows import AccountKind
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.people import an_account


async def test_robots_are_paged_and_counted_by_the_namespace_that_their_names_begin_with(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        for name in ("team+ci", "team+a", "team-x+ci", "tea+ci", "team.x+ci"):
            an_account(tx, name, kind=AccountKind.ROBOT)
        an_account(tx, "team")

        assert [each.name for each in tx.robots.page_of("team", 9)] == ["team+a", "team+ci"]
        assert [each.name for each in tx.robots.page_of("team", 1)] == ["team+a"]
        assert [each.name for each in tx.robots.page_of("team", 9, after="team+a")] == ["team+ci"]
        assert tx.robots.page_of("team", 9, after="zoo+ci") == []
        assert [each.name for each in tx.robots.page(2, after="tea+ci")] == ["team+a", "team+ci"]
        assert "team" not in [each.name for each in tx.robots.page(9)]
        assert (tx.robots.count("team"), tx.robots.count("nobodys")) == (2, 0)

    await database.write(unit)
