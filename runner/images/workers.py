"""Processes that unpack layers (`unpacking`): as many as can work at the same time, started when they are needed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from oci_spec.digest import Digest
from runner.images.errors import LayerNotUnpacked
from runner.images.unpacking import END, MESSAGE_BYTES
from runner.limits import UNPACKING_PROCESSES


class Arrival:
    """How much of a blob's file has arrived; told to the process that reads it."""

    def __init__(self, arrived: int = 0, *, ended: bool = False) -> None:
        self.arrived = arrived
        self.ended = ended
        self._failure: Exception | None = None
        self._changed = asyncio.Event()
        self._changed.set()

    def advance(self, arrived: int) -> None:
        """So many bytes are there."""
        self.arrived = arrived
        self._changed.set()

    def end(self) -> None:
        """All of them are."""
        self.ended = True
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """The rest will not come."""
        self._failure = error
        self._changed.set()

    async def change(self) -> None:
        """Wait until something has changed since the last call.

        Raises:
            Exception: what `fail` was told.
        """
        await self._changed.wait()
        self._changed.clear()
        if self._failure is not None:
            raise self._failure


@dataclass(frozen=True, slots=True)
class UnpackedLayer:
    """What came of a layer: the bytes of its files, and how much of it this machine could not keep."""

    size: int
    dropped_xattrs: int
    skipped_devices: int


class Workers:
    """A pool of unpacking processes."""

    def __init__(self, count: int | None = None) -> None:
        self._free = asyncio.Semaphore(count or min(len(os.sched_getaffinity(0)), UNPACKING_PROCESSES))
        self._idle: list[_Worker] = []

    async def unpack(
        self, digest: Digest, diff_id: Digest, *, layer: int, blob: int, arrival: Arrival
    ) -> UnpackedLayer:
        """Unpack the blob whose file is open as `blob` into `diff` of the open directory `layer`, and sync it.

        Both digests are verified. The descriptors stay the caller's.

        Raises:
            LayerNotUnpacked: it is not the layer, no layer, or was not written.
            Exception: what `arrival` failed with.
        """
        async with self._free:
            worker = self._idle.pop() if self._idle else _Worker()
            try:
                answer = await worker.ask({"digest": str(digest), "diff_id": str(diff_id)}, [layer, blob], arrival)
            except BaseException:
                worker.kill()
                raise
            if answer is None or "error" in answer:
                worker.kill()
            else:
                self._idle.append(worker)
        if answer is None:
            raise LayerNotUnpacked(digest, "the process that unpacked it died", of_content=False)
        if "error" in answer:
            raise LayerNotUnpacked(digest, str(answer["error"]), of_content=bool(answer["of_content"]))
        return UnpackedLayer(**answer)

    def close(self) -> None:
        """End the processes, which have nothing to do any more."""
        for worker in self._idle:
            worker.kill()
        self._idle.clear()


@asynccontextmanager
async def working() -> AsyncIterator[Workers]:
    """Workers for the duration of the block."""
    workers = Workers()
    try:
        yield workers
    finally:
        workers.close()


class _Worker:
    def __init__(self) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "runner.images.unpacking"], stdin=other.fileno()
            )
        self._socket.setblocking(False)

    async def ask(self, job: dict[str, str], descriptors: list[int], arrival: Arrival) -> dict[str, int] | None:
        """The answer to a job; None if the process died over it."""
        socket.send_fds(self._socket, [json.dumps(job).encode()], descriptors)
        answering = asyncio.create_task(asyncio.get_running_loop().sock_recv(self._socket, MESSAGE_BYTES))
        telling = asyncio.create_task(self._tell(arrival))
        try:
            await asyncio.wait({answering, telling}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                await telling
            answer = await answering
        except ConnectionError:
            answer = b""
        finally:
            answering.cancel()
            telling.cancel()
            await asyncio.gather(answering, telling, return_exceptions=True)
        answer = answer or self._last_word(answering)
        if not answer:
            return None
        content: dict[str, int] = json.loads(answer)
        return content

    def _last_word(self, answering: asyncio.Task[bytes]) -> bytes:
        """What it said before it ended. That it has not read all that it was told is told first (unix(7))."""
        if not answering.cancelled() and answering.exception() is None:
            return answering.result()
        for _ in range(2):
            try:
                return self._socket.recv(MESSAGE_BYTES)
            except OSError:
                continue
        return b""

    async def _tell(self, arrival: Arrival) -> None:
        loop = asyncio.get_running_loop()
        told = 0
        while True:
            await arrival.change()
            if arrival.arrived != told:
                told = arrival.arrived
                await loop.sock_sendall(self._socket, str(told).encode())
            if arrival.ended:
                await loop.sock_sendall(self._socket, END)
                return

    def kill(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()
