import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from storage_backends.threads import BlockingPool


@pytest.fixture
async def pool() -> AsyncIterator[BlockingPool]:
    pool = BlockingPool(2, "test-pool")
    yield pool
    await pool.close()


async def test_work_is_done_elsewhere(pool: BlockingPool) -> None:
    thread = await pool.run(threading.current_thread)

    assert thread is not threading.current_thread()
    assert thread.name.startswith("test-pool")


async def test_an_error_comes_back(pool: BlockingPool) -> None:
    with pytest.raises(ZeroDivisionError):
        await pool.run(divmod, 1, 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancelled_task_waits_for_the_thread_before_it_ends(pool: BlockingPool, fails: bool) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait()
        ended.set()
        if fails:
            raise OSError

    task = asyncio.create_task(pool.run(work))
    await pool.run(begun.wait)
    # More than once, as when a shutdown loses its patience.
    for _ in range(3):
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    waiting = not task.done()
    may_end.set()
    await asyncio.wait((task,))

    assert waiting
    assert ended.is_set()
    assert task.cancelled()
