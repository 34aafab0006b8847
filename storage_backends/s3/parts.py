"""The parts of one upload: filled in memory within the process's budget, and sent while the next one fills."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from storage_backends.errors import StorageFull
from storage_backends.s3._blocking.receiving import PartBuffer
from storage_backends.s3.bucket import Bucket
from storage_backends.s3.part_sizes import MOST_PARTS
from storage_backends.s3.progress import Part
from storage_backends.threads import ended, settled

# As much as a connection holds anyway: as many small uploads as there are connections need no share of the budget.
_FREE_SIZE = 64 << 10
_GROWTH = 4 << 20


class PartsExhausted(Exception):
    """A blob is larger than the most parts of an upload can hold; larger ones (`part_bytes`, `buffer_bytes`) would."""


class Parts:
    """The parts from number `count + 1` on.

    A part first takes the least share of the budget with which it can be sent, and waits until there is so much. It
    grows while there is more and nobody waits, and else is sent as it is. So whoever holds a share can give it back
    without getting more, and no two uploads ever wait for each other.
    """

    def __init__(self, bucket: Bucket, count: int, multipart: Callable[[], Awaitable[tuple[str, str]]]) -> None:
        """Send them to the multipart upload that `multipart` gives, or begins: an object's name and an upload's id."""
        self.filling: PartBuffer | None = None
        self._bucket = bucket
        self._multipart = multipart
        self._count = count
        self._is_large = count > 0
        self._sent: list[asyncio.Future[Part]] = []

    @property
    def number(self) -> int:
        """That of the part that is being filled, or would be next."""
        return self._count + len(self._sent) + 1

    async def begin(self, size: int) -> PartBuffer:
        """A new part with room for `size` bytes."""
        assert self.filling is None, "one part is filled at a time"
        if size <= _FREE_SIZE:
            self.filling = PartBuffer(_FREE_SIZE, taken=0)
        else:
            taken = await self._bucket.budget.take(max(size, self._bucket.sizes.floor(self.number)))
            self.filling = PartBuffer(max(size, taken), taken)
        return self.filling

    async def room(self) -> PartBuffer:
        """The part that is being filled, with room for some bytes; one that has none left is sent."""
        sizes, budget, part = self._bucket.sizes, self._bucket.budget, self.filling
        floor, full = sizes.floor(self.number), sizes.full(self.number)
        if part is None:
            return await self.begin(floor if self._is_large else 1)
        if part.room:
            return part
        if part.granted < floor:
            taken = await budget.take(floor)
            part.granted = max(taken, part.granted)
            part.taken = taken
            return part
        growth = min(_GROWTH, full - part.granted)
        if growth > 0 and budget.try_take(growth):
            part.granted += growth
            part.taken += growth
            return part
        await self.send()
        return await self.room()

    async def send(self) -> None:
        """Begin to send the part that is being filled."""
        part, number = self.filling, self.number
        assert part is not None, "there is something to send"
        if number > MOST_PARTS:
            raise StorageFull(PartsExhausted(f"{MOST_PARTS} parts are sent, and there is more"))
        for put in self._sent:
            if put.done():
                # What has failed is told of now, not at the end of many gigabytes.
                put.result()
        name, upload_id = await self._multipart()
        put = self._bucket.requests.start(self._bucket.multiparts.put, name, upload_id, number, part.detach())
        # The bytes are counted until the request has ended: nobody else may have their room before.
        put.add_done_callback(lambda _: self._bucket.budget.give(part.taken))
        self.filling = None
        self._is_large = True
        self._sent.append(put)

    async def settle(self) -> tuple[Part, ...]:
        """Wait for all parts that are being sent."""
        parts = [await settled(put) for put in self._sent]
        self._sent = []
        self._count += len(parts)
        return tuple(parts)

    async def drop(self) -> None:
        """Give all memory back, after the requests that use it."""
        self.release()
        for put in self._sent:
            await ended(put)
        self._sent = []

    def release(self) -> None:
        """Give back the memory of the part that is being filled."""
        part, self.filling = self.filling, None
        if part is not None:
            self._bucket.budget.give(part.taken)
