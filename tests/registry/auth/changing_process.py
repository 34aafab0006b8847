"""A process of its own that takes rights away, and says when each change is acknowledged.

Each line on standard input is `disable ACCOUNT`, `password ACCOUNT`, `revoke ACCOUNT CREDENTIAL` or `ungrant GRANT`,
by their ids; it is repeated on standard output once it is done.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.metadata.database import Database, open_database
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import NOW

_CHANGES: dict[str, Callable[..., object]] = {
    "disable": lambda tx, account: tx.accounts.disable(account),
    "password": lambda tx, account: tx.accounts.set_password(account, "another"),
    "revoke": lambda tx, account, credential: tx.credentials.revoke(account, credential, NOW),
    "ungrant": lambda tx, grant: tx.grants.remove(grant),
}


@contextmanager
def changing_process(url: str) -> Iterator[Callable[[str], None]]:
    """Give what has a change done by the process, and returns when that is acknowledged."""
    command = [sys.executable, "-m", __name__, url]
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=root
    ) as process:

        def change(line: str) -> None:
            assert process.stdin is not None
            assert process.stdout is not None
            print(line, file=process.stdin, flush=True)
            assert process.stdout.readline().strip() == line

        try:
            yield change
        finally:
            process.kill()


def _change(tx: Transaction, line: str) -> None:
    kind, *ids = line.split()
    assert _CHANGES[kind](tx, *map(int, ids))


async def _obey(database: Database) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        await database.write(_change, line)
        os.write(1, line.encode())


async def _main(url: str) -> None:
    async with await open_database(url) as database:
        await _obey(database)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
