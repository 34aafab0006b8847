from registry.metadata.account_rows import Account, AccountKind, Federation, NewFederation
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW
from tests.registry.metadata.people import BY, an_account

ISSUER = "https://issuer.example"


def a_robot(tx: Transaction, name: str = "team+ci") -> Account:
    return an_account(tx, name, kind=AccountKind.ROBOT)


def a_federation(tx: Transaction, account: Account, issuer: str = ISSUER) -> Federation:
    new = NewFederation(
        account_id=account.id, issuer=issuer, audience="moorage", claims="{}", created_at=NOW, created_by=BY
    )
    return tx.federations.make(new)


async def test_trusted_workloads_are_found_by_account_and_by_issuer(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        robot, other = a_robot(tx), a_robot(tx, "team+other")
        first, second = a_federation(tx, robot), a_federation(tx, robot, "https://another.example")
        third = a_federation(tx, other)

        assert (first.account_id, first.issuer, first.audience, first.claims) == (robot.id, ISSUER, "moorage", "{}")
        assert (first.created_at, first.created_by) == (NOW, BY)
        assert tx.federations.of_account(robot.id) == [first, second]
        assert tx.federations.of_issuer(ISSUER) == [first, third]
        assert tx.federations.of_issuer("https://issuer.example/") == []

    await database.write(unit)


async def test_a_workload_is_trusted_no_more_by_its_own_account_only(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        robot, other = a_robot(tx), a_robot(tx, "team+other")
        made = a_federation(tx, robot)

        assert not tx.federations.remove(other.id, made.id)
        assert tx.federations.remove(robot.id, made.id)
        assert not tx.federations.remove(robot.id, made.id)

        assert tx.federations.of_account(robot.id) == []

    await database.write(unit)


async def test_a_removed_account_is_trusted_as_by_nobody(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        robot = a_robot(tx)
        a_federation(tx, robot)

        tx.accounts.remove(robot.id)

        assert tx.federations.of_issuer(ISSUER) == []

    await database.write(unit)


async def test_ended_proofs_begin_another_generation(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        robot = a_robot(tx)

        tx.accounts.end_proofs(robot.id)

        found = tx.accounts.find_by_id(robot.id)
        assert found is not None
        assert found.generation == robot.generation + 1

    await database.write(unit)
