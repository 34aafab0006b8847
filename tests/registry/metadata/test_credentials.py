from registry.metadata.account_rows import Credential, CredentialUse
from registry.metadata.database import Database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW, later
from tests.registry.metadata.people import a_credential, an_account, hash_of


async def test_a_credential_is_found_by_the_hash_of_its_secret(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        account = an_account(tx)

        made = a_credential(tx, account, "one")
        newer = a_credential(tx, account, "two")

        assert tx.credentials.find(hash_of("one")) == made
        assert tx.credentials.find(hash_of("three")) is None
        assert tx.credentials.list(account.id) == [newer, made]
        assert made.is_live(NOW)

    await database.write(unit)


async def test_a_credential_is_revoked_once_and_by_its_own_account_only(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        alice, bob = an_account(tx), an_account(tx, "bob")
        made = a_credential(tx, alice)

        assert not tx.credentials.revoke(bob.id, made.id, NOW)
        assert tx.credentials.revoke(alice.id, made.id, later(1))
        assert not tx.credentials.revoke(alice.id, made.id, later(2))

        [found] = tx.credentials.list(alice.id)
        assert found.revoked_at == later(1)
        assert not found.is_live(later(1))

    await database.write(unit)


async def test_all_refresh_tokens_of_an_account_are_revoked_and_nothing_else(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        alice, bob = an_account(tx), an_account(tx, "bob")
        for account, secret, kind in (
            (alice, "a", "refresh"),
            (alice, "b", "refresh"),
            (alice, "c", "personal"),
            (bob, "d", "refresh"),
        ):
            a_credential(tx, account, secret, kind=kind)

        assert tx.credentials.revoke_kind(alice.id, "refresh", NOW) == 2

        assert [_found(tx, secret).is_live(NOW) for secret in "abcd"] == [False, False, True, True]

    await database.write(unit)


async def test_the_last_of_many_uses_is_noted(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        made = a_credential(tx, an_account(tx))

        tx.credentials.note_uses(
            [
                CredentialUse(made.id, later(2), "::2"),
                CredentialUse(made.id, later(1), "::1"),
                CredentialUse(made.id + 1, NOW, "::9"),
            ]
        )
        tx.credentials.note_uses([CredentialUse(made.id, NOW, "::0")])

        found = _found(tx, "secret")
        assert (found.last_used_at, found.last_used_from) == (later(2), "::2")

    await database.write(unit)


async def test_expired_credentials_are_removed_the_oldest_first(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        account = an_account(tx)
        for secret, expires_at in (("a", later(3)), ("b", later(1)), ("c", later(2)), ("d", None)):
            a_credential(tx, account, secret, expires_at=expires_at)

        assert tx.credentials.remove_expired(later(3), 1) == 1
        assert tx.credentials.find(hash_of("b")) is None
        assert tx.credentials.remove_expired(later(3), 9) == 1
        assert tx.credentials.remove_expired(later(3), 9) == 0
        assert [found.name for found in tx.credentials.list(account.id)] == ["d", "a"]

    await database.write(unit)


def _found(tx: Transaction, secret: str) -> Credential:
    found = tx.credentials.find(hash_of(secret))
    assert found is not None
    return found
