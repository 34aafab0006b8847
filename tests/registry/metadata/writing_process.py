"""A process of its own that writes to a metadata database and says what was acknowledged.

`one LINE…` on standard input: each line is pushed as a manifest under the tag `latest`, then repeated on standard
output. With the argument `flood` it pushes without end, from many tasks, and prints the text of each. With `pgbouncer`
it connects as one has to through that.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.metadata.connecting import Connecting
from registry.metadata.database import Database, open_database
from tests.registry.metadata.examples import push

_TASKS = 16


@contextmanager
def writing_process(url: str, connecting: Connecting, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The process, with pipes to its input and from its output; killed at the end of the context."""
    ways = ["pgbouncer"] if connecting.through_pgbouncer else []
    command = [sys.executable, "-m", __name__, url, *ways, *arguments]
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=root
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def _obey(database: Database) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        await database.write(push, line.strip())
        os.write(1, line.encode())


async def _flood(database: Database) -> None:
    async def push_for_ever(task: int) -> None:
        number = 0
        while True:
            text = f"{task}-{number}"
            await database.write(push, text)
            os.write(1, f"{text}\n".encode())
            number += 1

    async with asyncio.TaskGroup() as tasks:
        for task in range(_TASKS):
            tasks.create_task(push_for_ever(task))


async def _main(url: str, *arguments: str) -> None:
    connecting = Connecting(through_pgbouncer="pgbouncer" in arguments)
    async with await open_database(url, connecting) as database:
        await (_flood if "flood" in arguments else _obey)(database)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
