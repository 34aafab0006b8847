"""Questions whether a part is well: a part that hangs is asked once, and everybody is answered in time."""

from __future__ import annotations

import asyncio

import pytest

from registry.services.probes import Probes
from storage_backends.errors import StorageUnavailable


async def test_a_part_that_hangs_is_asked_once_and_keeps_nobody() -> None:
    probes, well, asked = Probes(), asyncio.Event(), []

    async def question() -> None:
        asked.append(1)
        await well.wait()

    for _ in range(3):
        with pytest.raises(TimeoutError):
            await probes.ask("storage", question, 0.01)
    assert len(asked) == 1

    waiting = asyncio.create_task(probes.ask("storage", question, 30))
    await asyncio.sleep(0)
    well.set()
    await waiting
    await probes.ask("storage", question, 30)

    assert len(asked) == 2


async def test_parts_are_asked_each_for_itself_and_told_what_is_wrong() -> None:
    probes = Probes()

    async def fail() -> None:
        raise StorageUnavailable(OSError())

    async def succeed() -> None:
        pass

    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await probes.ask("storage", fail, 30)
        await probes.ask("database", succeed, 30)
