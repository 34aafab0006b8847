"""The parts of one upload: filled in memory within the process's budget, and sent while the next one fills."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from storage_backends.errors import StorageError, StorageFull
from storage_backends.s3._blocking.receiving import PartBuffer
from storage_backends.s3.bucket import Bucket
from storage_backends.s3.budget import Holder
from storage_backends.s3.faults import translated
from storage_backends.s3.part_sizes import MOST_PARTS
from storage_backends.s3.progress import Part, Tail
from storage_backends.threads import ended, settled

# As much as a connection holds anyway: as many small uploads as there are connections need no share of the budget.
_FREE_SIZE = 64 << 10
_GROWTH = 4 << 20


class PartsExhausted(Exception):
    """A blob is larger than the most parts of an upload can hold; larger ones (`part_bytes`, `buffer_bytes`) would."""


class Parts(Holder):
    """The parts from number `count + 1` on.

    A part first takes the least share of the budget with which it can be sent, and waits until there is so much. It
    grows while there is more and nobody waits, and else is sent as it is. So whoever holds a share can give it back
    without getting more, and no two uploads ever wait for each other.

    What is less than a part gives way to others while its client keeps it waiting: it is put aside, as the tail that it
    would become if the request ended now, and comes back into memory in its turn.
    """

    def __init__(
        self,
        bucket: Bucket,
        count: int,
        *,
        multipart: Callable[[], Awaitable[tuple[str, str]]],
        new_tail: Callable[[], tuple[str, str]],
    ) -> None:
        """Send them to the multipart upload that `multipart` gives, or begins: an object's name and an upload's id.

        `new_tail` gives the name of a tail that nobody has used, and that of its object.
        """
        self.filling: PartBuffer | None = None
        self.aside: Tail | None = None
        self._bucket = bucket
        self._multipart = multipart
        self._new_tail = new_tail
        self._aside_object = ""
        self._count = count
        self._is_large = count > 0
        self._sent: list[asyncio.Future[Part]] = []
        self._changing = asyncio.Lock()

    @property
    def number(self) -> int:
        """That of the part that is being filled, or would be next."""
        return self._count + len(self._sent) + 1

    def rest(self) -> None:
        """Say that the client is waited for: until `wake`, what is in memory may be put aside."""
        self.rests_since = time.monotonic()
        if self.filling is not None and self.filling.taken:
            self._bucket.budget.holders.add(self)

    async def wake(self) -> None:
        """Say that it goes on, and wait until nobody puts anything aside any more."""
        self.rests_since = None
        self._bucket.budget.holders.discard(self)
        async with self._changing:
            pass

    async def give_way(self) -> None:
        async with self._changing:
            part = self.filling
            if self.rests_since is None or part is None or not part.taken:
                return
            # A server that takes nothing now leaves everybody where they are.
            with suppress(StorageError), translated():
                if part.size >= self._bucket.sizes.floor(self.number):
                    await self.send()
                else:
                    await self._put_aside(part)

    async def restore(self) -> None:
        """Have what was put aside back in memory."""
        tail = self.aside
        if tail is not None:
            part = await self.begin(tail.size)
            part.add(await self._bucket.requests.run(self._bucket.objects.get, self._aside_object))
            self.aside = None
            with suppress(StorageError), translated():
                await self._bucket.requests.run(self._bucket.objects.delete, self._aside_object)

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
        await self.restore()
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
        put = self._bucket.requests.start(self._put, name, upload_id, number, part.detach())
        # The bytes are counted until they are gone: nobody else may have their room before.
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
        await self.wake()
        self.release()
        for put in self._sent:
            await ended(put)
        self._sent = []

    def release(self) -> None:
        """Give back the memory of the part that is being filled."""
        part, self.filling = self.filling, None
        self.aside = None
        if part is not None:
            self._bucket.budget.give(part.taken)

    def _put(self, name: str, upload_id: str, number: int, content: bytearray) -> Part:
        try:
            return self._bucket.multiparts.put(name, upload_id, number, content)
        finally:
            # Whoever knows the request a moment longer, be it the thread itself, keeps no bytes from going; an error
            # that looks at them goes before them.
            with suppress(BufferError):
                content.clear()

    async def _put_aside(self, part: PartBuffer) -> None:
        name, object_name = self._new_tail()
        await self._bucket.requests.run(self._bucket.objects.put, object_name, part.content())
        self.aside, self._aside_object = Tail(name, part.size), object_name
        self.filling = None
        self._bucket.budget.give(part.taken)
