"""An archive that comes through a pipe: its members one after the other, each to be read when it comes or never."""

from __future__ import annotations

from collections.abc import AsyncIterator

from oci_spec.errors import ImageLayoutInvalid
from storage_backends.blocks import BLOCK_SIZE
from storage_backends.layouts._blocking.tar_members import StreamCursor, next_member, padded
from storage_backends.layouts.contract import Member
from storage_backends.threads import BlockingPool


class ArchiveStream:
    """The archive that the open pipe `descriptor` brings, with at most `max_members` members; made by `open_layout`."""

    def __init__(self, descriptor: int, pool: BlockingPool, max_members: int) -> None:
        self._cursor = StreamCursor(descriptor)
        self._pool = pool
        self._max_members = max_members
        # What is left to read of the member that came last, and of the padding after it.
        self._left = 0
        self._padding = 0

    async def members(self) -> AsyncIterator[Member]:
        """Each member, in the archive's order; what `chunks` has not given of one is passed over before the next.

        After the last one the stream is read to its end.

        Raises:
            ImageLayoutInvalid: this is no archive, not a whole one, or has too many members.
        """
        for _ in range(self._max_members):
            await self._pool.run(self._cursor.skip, self._left + self._padding)
            member = await self._pool.run(next_member, self._cursor)
            if member is None:
                await self._pool.run(self._cursor.drain)
                return
            self._left, self._padding = member.size, padded(member.size) - member.size
            yield member
        raise ImageLayoutInvalid(f"the archive has more than {self._max_members} members")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the member that came last, in blocks of up to 1 MiB.

        Raises:
            ImageLayoutInvalid: the archive ends before the member does.
        """
        while self._left > 0:
            block = await self._pool.run(self._cursor.read, min(BLOCK_SIZE, self._left))
            if not block:
                raise ImageLayoutInvalid("the archive is cut short")
            self._left -= len(block)
            yield block
