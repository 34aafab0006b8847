"""Keys that sign tokens: one for all who share a database, sealed where asked for, rotated without a gap."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from registry import limits
from registry.auth.key_material import Algorithm, Vault
from registry.auth.signing_keys import SigningKeys
from registry.errors import KeyFileInvalid, SigningKeysUnreadable
from registry.metadata.database import Database
from tests.registry.assembly import ON_SQLITE

LIFETIME_S = 300
# Waited for in earnest, whatever a test's clock says.
AGAIN_S = 0.1
SEALING, ANOTHER = bytes(range(32)), bytes(32)


class Clock:
    def __init__(self) -> None:
        # A whole second: times in the database have microseconds, and some tests are about the very moment of an end.
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


def opened(database: Database, clock: Clock, vault: Vault | None = None) -> SigningKeys:
    return SigningKeys(database, vault or Vault(), Algorithm.ES256, LIFETIME_S, clock=clock, again_s=AGAIN_S)


async def test_all_that_start_at_once_sign_with_one_key(database: Database) -> None:
    clock = Clock()
    nodes = [opened(database, clock) for _ in range(4)]

    signing = await asyncio.gather(*(node.signing() for node in nodes))

    assert len({key.key_id for key in signing}) == 1


async def test_a_rotated_key_verifies_as_long_as_its_tokens_live_and_not_longer(database: Database) -> None:
    clock = Clock()
    here, there = opened(database, clock), opened(database, clock)
    old = await there.signing()

    new = await database.write(here.replace)

    assert (await here.signing()).key_id == new != old.key_id
    # Who has not heard of it signs with the old one for a while, and verifies the new one at its first token.
    assert (await there.signing()).key_id == old.key_id
    assert await there.verifying(new) is not None
    clock.now += LIFETIME_S + limits.TOKEN_SKEW_S
    assert await there.verifying(old.key_id) is not None
    assert (await there.signing()).key_id == new
    clock.now += limits.SIGNING_KEYS_FRESH_S
    for node in (here, there):
        assert await node.verifying(old.key_id) is None
        assert [key["kid"] for key in (await node.public_keys())["keys"]] == [new]


async def test_forgotten_keys_verify_no_more_as_soon_as_all_have_read_the_keys_again(database: Database) -> None:
    clock = Clock()
    here, there = opened(database, clock), opened(database, clock)
    oldest = (await there.signing()).key_id
    old = await database.write(here.replace)

    new = await database.write(here.replace_all)

    clock.now += limits.SIGNING_KEYS_FRESH_S
    for node in (here, there):
        assert [await node.verifying(key_id) for key_id in (oldest, old)] == [None, None]
        assert (await node.signing()).key_id == new


@ON_SQLITE
async def test_what_changes_while_the_keys_are_read_is_not_overlooked_for_longer(database: Database) -> None:
    clock = Clock()
    keys = opened(database, clock)
    old = (await keys.signing()).key_id
    clock.now += limits.SIGNING_KEYS_FRESH_S

    # The clock goes on while the database answers.
    reading = asyncio.create_task(keys.verifying(old))
    await asyncio.sleep(0)
    clock.now += limits.SIGNING_KEYS_FRESH_S
    await reading
    await database.write(keys.replace_all)

    assert await keys.verifying(old) is None


async def test_keys_are_told_with_what_they_are_for_and_until_when(database: Database) -> None:
    clock = Clock()
    await opened(database, clock, Vault(SEALING)).signing()
    keys = SigningKeys(database, Vault(ANOTHER), Algorithm.EDDSA, LIFETIME_S, clock=clock)
    await database.write(keys.replace)

    newest, oldest = await keys.states()

    assert (newest.algorithm, newest.verifies_until) == (Algorithm.EDDSA, None)
    assert oldest.algorithm is None
    assert oldest.verifies_until is not None
    kept_s = LIFETIME_S + limits.TOKEN_SKEW_S + limits.SIGNING_KEYS_FRESH_S
    assert oldest.verifies_until.timestamp() == pytest.approx(clock.now + kept_s, abs=0.001)


@ON_SQLITE
async def test_no_key_is_made_to_be_published(database: Database) -> None:
    keys = opened(database, Clock())

    assert await keys.public_keys() == {"keys": []}
    assert await keys.states() == []


@ON_SQLITE
async def test_invented_key_ids_do_not_keep_a_process_from_noticing_a_rotation(database: Database) -> None:
    clock = Clock()
    here, there = opened(database, clock), opened(database, clock)
    await there.signing()

    found = await asyncio.gather(*(there.verifying(f"{number:016x}") for number in range(100)))
    new = await database.write(here.replace)

    assert found == [None] * 100
    # The keys have been read at this very moment, for the invented ones: they are read once more, a little later.
    began = time.monotonic()
    assert await there.verifying(new) is not None
    assert time.monotonic() - began > AGAIN_S / 2


@ON_SQLITE
async def test_keys_are_sealed_under_the_key_file(database: Database, tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "key"
    path.write_bytes(SEALING)

    key = await opened(database, clock, Vault.of_file(path)).signing()

    [stored] = await database.read(lambda tx: tx.secrets.all("token-signing"))
    assert stored.material[:1] == b"\x02"
    assert isinstance(key.private, EllipticCurvePrivateKey)
    assert key.private.private_numbers().private_value.to_bytes(32, "big") not in stored.material
    assert (await opened(database, clock, Vault(SEALING)).signing()).public_jwk == key.public_jwk


@ON_SQLITE
async def test_without_the_key_file_or_with_another_one_the_error_says_so(database: Database) -> None:
    clock = Clock()
    await opened(database, clock, Vault(SEALING)).signing()

    with pytest.raises(SigningKeysUnreadable, match=r"auth\.key_file has to name the file"):
        await opened(database, clock).signing()
    with pytest.raises(SigningKeysUnreadable, match="sealed under another key"):
        await opened(database, clock, Vault(ANOTHER)).signing()


@ON_SQLITE
async def test_a_lost_key_file_is_got_over_by_a_rotation(database: Database) -> None:
    clock = Clock()
    lost = await opened(database, clock, Vault(SEALING)).signing()
    keys = opened(database, clock, Vault(ANOTHER))

    await database.write(keys.replace)

    assert await keys.verifying((await keys.signing()).key_id) is not None
    assert await keys.verifying(lost.key_id) is None


@ON_SQLITE
async def test_a_key_file_that_comes_later_seals_from_the_next_rotation_on(database: Database) -> None:
    clock = Clock()
    clear = await opened(database, clock).signing()
    keys = opened(database, clock, Vault(SEALING))

    assert (await keys.signing()).key_id == clear.key_id
    await database.write(keys.replace)

    newest, oldest = await database.read(lambda tx: tx.secrets.all("token-signing"))
    assert (newest.material[:1], oldest.material[:1]) == (b"\x02", b"\x01")


@pytest.mark.parametrize("content", [None, b"", bytes(31), bytes(33)])
def test_a_key_file_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(KeyFileInvalid, match=r"auth\.key_file: .*/key: "):
        Vault.of_file(path)


@pytest.mark.parametrize("position", [1, 13, -1])
def test_a_sealed_key_that_was_changed_does_not_open(position: int) -> None:
    vault = Vault(SEALING)
    changed = bytearray(vault.make(Algorithm.ES256))
    changed[position] ^= 1

    with pytest.raises(SigningKeysUnreadable):
        vault.open("x", bytes(changed), None)


@pytest.mark.parametrize("stored", [b"", b"\x01", b"\x02", b"\x03abc", b"\x01abc", b"\x02abc"])
def test_what_is_no_stored_key_does_not_open(stored: bytes) -> None:
    with pytest.raises(SigningKeysUnreadable):
        Vault(SEALING).open("x", stored, None)


def test_a_private_key_does_not_show_in_what_is_printed() -> None:
    vault = Vault()

    assert "private" not in repr(vault.open("x", vault.make(Algorithm.EDDSA), None))
