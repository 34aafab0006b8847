"""What comes back of processes that unpack layers."""

import asyncio
import os
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from runner.images.errors import LayerNotUnpacked
from runner.images.workers import Arrival, working

DIGEST = Digest.parse("sha256:" + "0" * 64)
MIB = 1 << 20


async def test_why_it_failed_is_told_though_it_had_not_heard_all(tmp_path: Path) -> None:
    (tmp_path / "diff").mkdir()
    layer = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    blob = os.open(tmp_path / "blob", os.O_RDWR | os.O_CREAT)
    os.write(blob, b"no layer" * 200)
    os.truncate(blob, 64 * MIB)
    arrival = Arrival()

    async def arrive() -> None:
        # It has heard little of this when it sees what it is given.
        for arrived in range(MIB, 64 * MIB, MIB):
            arrival.advance(arrived)
            for _ in range(4):
                await asyncio.sleep(0)
        # On a machine that has more to do, its answer is looked at when it has ended.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the loop has to be held up

    async with working() as workers:
        arriving = asyncio.create_task(arrive())
        with pytest.raises(LayerNotUnpacked) as caught:
            await workers.unpack(DIGEST, DIGEST, layer=layer, blob=blob, arrival=arrival)
        await arriving
    os.close(layer)
    os.close(blob)

    assert caught.value.of_content
    assert "died" not in str(caught.value)
