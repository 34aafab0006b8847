"""A process of its own that collects all garbage again and again, and says what it removed, a line for each piece."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from registry.services import garbage_collection, index_objects
from registry.services.context import now
from registry.services.garbage_report import GarbageItem
from tests.registry.assembly import open_services


@contextmanager
def collecting_process(
    root: Path, database_url: str, *, ahead: timedelta = timedelta(hours=2), grace_s: int = 3600
) -> Iterator[subprocess.Popen[str]]:
    """The process, whose clock is so far ahead: to it every lease of the last two hours is over; killed at the end."""
    command = [sys.executable, "-m", __name__, str(root), database_url, str(ahead.total_seconds()), str(grace_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        try:
            yield process
        finally:
            process.kill()


def _tell(item: GarbageItem) -> None:
    os.write(1, f"{item.kind} {item.digest}\n".encode())


async def _main(root: str, database_url: str, ahead_s: str, grace_s: str) -> None:
    ahead = timedelta(seconds=float(ahead_s))
    async with open_services(Path(root), database_url, gc_grace_s=int(grace_s)) as services:
        os.write(1, b"collecting\n")
        while True:
            await garbage_collection.collect(services, moment=now() + ahead, told=_tell)
            await index_objects.write_behind(services)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
