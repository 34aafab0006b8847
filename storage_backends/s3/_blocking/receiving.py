"""Bytes on their way into a part: gathered in memory and hashed, in one pass."""

from __future__ import annotations

from storage_backends.filling import FillingChunks
from storage_backends.hash_state import RunningHash

_STEP = 1 << 20
_ZEROS = bytes(_STEP)


class PartBuffer:
    """The bytes of a part that is being filled, as many as were granted at most; used by one thread at a time.

    Memory is taken as bytes come, not as they are granted. `taken` are those that were taken from the budget for it.
    """

    __slots__ = ("_content", "granted", "size", "taken")

    def __init__(self, granted: int, taken: int) -> None:
        self._content = bytearray()
        self.granted = granted
        self.taken = taken
        self.size = 0

    @property
    def room(self) -> int:
        """How many bytes may still come."""
        return self.granted - self.size

    def add(self, content: bytes | bytearray | memoryview) -> None:
        """Add bytes, no more than there is room for."""
        del self._content[self.size :]
        self._content += content
        self.size += len(content)

    def fill(self, chunks: FillingChunks, running: RunningHash | None) -> None:
        """Take and hash what is there, up to what was granted."""
        while self.room:
            if self.size == len(self._content):
                self._content += _ZEROS[: self.room]
            with memoryview(self._content) as content, content[self.size : self.granted] as space:
                size = chunks.fill(space)
            if size == 0:
                return
            self.size += size
            self._hash(size, running)

    def write(self, block: list[bytes | bytearray], running: RunningHash | None) -> None:
        """Take and hash from the beginning of `block` what there is room for, and leave the rest in it."""
        begin = self.size
        while block and self.room:
            buffer = block.pop(0)
            if len(buffer) > self.room:
                with memoryview(buffer) as whole:
                    block.insert(0, bytes(whole[self.room :]))
                    self.add(whole[: self.room])
            else:
                self.add(buffer)
        self._hash(self.size - begin, running)

    def content(self) -> bytearray:
        """The bytes themselves; the buffer is not to be filled any more."""
        del self._content[self.size :]
        return self._content

    def detach(self) -> bytearray:
        """The bytes themselves, of which nothing is left here: whoever filled the buffer may hold on to it."""
        content, self._content = self.content(), bytearray()
        return content

    def _hash(self, size: int, running: RunningHash | None) -> None:
        """Hash the last `size` bytes."""
        if running is not None and size:
            with memoryview(self._content) as content, content[self.size - size : self.size] as added:
                running.update(added)
