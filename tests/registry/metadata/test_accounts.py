from registry.metadata.account_rows import AccountKind, NewAccount
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW, later
from tests.registry.metadata.people import BY, a_credential, an_account, hash_of


async def test_an_account_is_found_by_all_that_it_is_known_by(database: Database) -> None:
    new = NewAccount(
        name="alice", kind=AccountKind.USER, source="oidc", external_id="sub-1", created_at=NOW, created_by=BY
    )

    def unit(tx: Transaction) -> None:
        made = tx.accounts.make(new)

        assert made is not None
        assert (made.name, made.kind, made.generation, made.created_at) == ("alice", AccountKind.USER, 1, NOW)
        assert tx.accounts.find("alice") == tx.accounts.find_by_id(made.id) == made
        assert tx.accounts.find_by_external_id("oidc", "sub-1") == made
        assert tx.accounts.find("bob") is None
        assert tx.accounts.find_by_external_id("ldap", "sub-1") is None

    await database.write(unit)


async def test_neither_a_name_nor_an_external_id_is_given_twice(database: Database) -> None:
    def make(tx: Transaction, name: str, external_id: str) -> bool:
        new = NewAccount(
            name=name, kind=AccountKind.USER, source="oidc", external_id=external_id, created_at=NOW, created_by=BY
        )
        return tx.accounts.make(new) is not None

    assert await database.write(make, "alice", "1")
    assert not await database.write(make, "alice", "2")
    assert not await database.write(make, "bob", "1")
    assert await database.write(make, "bob", "2")


async def test_the_generation_grows_with_every_password_and_every_change_of_being_disabled(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        account_id = an_account(tx).id

        assert tx.accounts.set_password(account_id, "hash")
        assert _state(tx, account_id) == (2, False, "hash")
        assert tx.accounts.disable(account_id)
        assert not tx.accounts.disable(account_id)
        assert _state(tx, account_id) == (3, True, "hash")
        assert tx.accounts.enable(account_id)
        assert not tx.accounts.enable(account_id)
        assert _state(tx, account_id) == (4, False, "hash")
        assert not tx.accounts.set_password(account_id + 1, "hash")

    await database.write(unit)


async def test_accounts_are_paged_in_the_order_of_their_names(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        for name in ("team+ci", "bob", "alice", "a_b", "axb"):
            an_account(tx, name)

        assert [found.name for found in tx.accounts.page(2)] == ["a_b", "alice"]
        assert [found.name for found in tx.accounts.page(2, after="alice")] == ["axb", "bob"]
        assert [found.name for found in tx.accounts.page(9, text="A_B")] == ["a_b"]

    await database.write(unit)


async def test_the_time_of_the_last_login_never_goes_back(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        account_id = an_account(tx).id

        tx.accounts.note_login(account_id, later(5))
        tx.accounts.note_login(account_id, later(1))

        found = tx.accounts.find_by_id(account_id)
        assert found is not None
        assert found.last_login_at == later(5)

    await database.write(unit)


async def test_a_removed_account_takes_its_credentials_with_it(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        account = an_account(tx)
        a_credential(tx, account)

        assert tx.accounts.remove(account.id)

        assert not tx.accounts.remove(account.id)
        assert tx.accounts.find("alice") is None
        assert tx.credentials.find(hash_of("secret")) is None

    await database.write(unit)


async def test_a_password_hash_is_not_shown(database: Database) -> None:
    def unit(tx: Transaction) -> str:
        account_id = an_account(tx).id
        tx.accounts.set_password(account_id, "hush-hush")
        return repr(tx.accounts.find_by_id(account_id))

    assert "hush" not in await database.write(unit)


def _state(tx: Transaction, account_id: int) -> tuple[int, bool, str | None]:
    found = tx.accounts.find_by_id(account_id)
    assert found is not None
    return found.generation, found.is_disabled, found.password_hash
