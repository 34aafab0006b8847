"""Bytes on their way in that can be put where they are wanted: the seam between a network and who stores them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator


class FillingChunks(AsyncIterator[bytes]):
    """Chunks that, instead, may be put into buffers of the taker's, in a thread of the taker's.

    That spares the event loop the work and the bytes a copy. It is one way or the other: a taker that does not care
    iterates; one that does asks `can_fill` first, and from then on only awaits `ready` and calls `fill`, in turn.
    """

    @abstractmethod
    def can_fill(self) -> bool:
        """Whether these chunks can do this; then they are not iterated over any more."""

    @abstractmethod
    async def ready(self) -> bool:
        """Wait until there is something to fill a buffer with; False at the end.

        Raises:
            Exception: what an iteration would raise, once all that came before was given.
        """

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether buffers were filled with all there is, so that `ready` would say no. In any thread, as `fill` is."""

    @abstractmethod
    def fill(self, buffer: memoryview) -> int:
        """Put into `buffer` what is there; how many bytes that is.

        After 0, whether more will come is to be asked of `ready`. It may be called in any thread, by one at a time,
        does not wait for long, and raises nothing.
        """
