"""The server's secrets: one key for all who share a database, and seals that only its holders can make."""

from __future__ import annotations

import subprocess
import sys

import pytest

from registry.metadata.database import Database
from registry.services.server_secrets import SEAL_BYTES, ServerSecrets
from tests.registry.assembly import ON_SQLITE

_SEAL = """
import asyncio, sys
from registry.metadata.database import open_database
from registry.services.server_secrets import ServerSecrets

async def main():
    async with await open_database(sys.argv[1]) as database:
        secrets = await ServerSecrets.open(database)
        print(secrets.seal("test", b"message").hex())

asyncio.run(main())
"""


def test_two_processes_that_start_at_once_make_one_key(database_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", _SEAL, database_url], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    seals = [process.communicate()[0].strip() for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert len(seals[0]) == 2 * SEAL_BYTES
    assert seals[0] == seals[1]


@ON_SQLITE
async def test_what_one_worker_seals_another_one_verifies(database: Database) -> None:
    here, there = await ServerSecrets.open(database), await ServerSecrets.open(database)

    assert await there.verifies("test", b"message", here.seal("test", b"message"))


@ON_SQLITE
@pytest.mark.parametrize(
    ("context", "message"),
    [("test", b"another message"), ("test", b""), ("tes", b"tmessage"), ("testm", b"essage"), ("", b"testmessage")],
)
async def test_a_seal_is_good_for_its_own_context_and_message(database: Database, context: str, message: bytes) -> None:
    secrets = await ServerSecrets.open(database)

    assert not await secrets.verifies(context, message, secrets.seal("test", b"message"))


@ON_SQLITE
async def test_forged_and_truncated_seals_are_refused(database: Database) -> None:
    secrets = await ServerSecrets.open(database)
    seal = secrets.seal("test", b"message")

    for position in range(SEAL_BYTES):
        forged = bytearray(seal)
        forged[position] ^= 1
        assert not await secrets.verifies("test", b"message", bytes(forged))
    for size in range(SEAL_BYTES):
        assert not await secrets.verifies("test", b"message", seal[:size])
    assert not await secrets.verifies("test", b"message", seal + b"\0")


async def test_a_rotated_key_still_verifies_what_it_sealed(database: Database) -> None:
    here, there = await ServerSecrets.open(database), await ServerSecrets.open(database)
    old = here.seal("test", b"message")

    await here.rotate()

    new = here.seal("test", b"message")
    assert new[:8] != old[:8]
    for secrets in (here, there, await ServerSecrets.open(database)):
        assert await secrets.verifies("test", b"message", old)
        # A worker that has not heard of the rotation learns of it from the first seal under the new key.
        assert await secrets.verifies("test", b"message", new)
        assert secrets.seal("test", b"message") == new


@ON_SQLITE
async def test_a_key_does_not_show_in_what_is_printed(database: Database) -> None:
    await ServerSecrets.open(database)

    [secret] = await database.read(lambda tx: tx.secrets.all("seal"))

    assert secret.material not in repr(secret).encode()
    assert secret.material.hex() not in repr(secret)
