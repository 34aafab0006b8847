"""Reading ahead: decompression and hashing on one core, files on another."""

from __future__ import annotations

import queue
import threading

from runner.layers.blocks import ByteSource

_BLOCK_BYTES = 256 * 1024
_BLOCKS = 16


class ReadAhead:
    """What `source` gives, read by a thread of its own, up to 4 MiB before the caller asks for it.

    The thread ends with the source. Who stops reading before leaves it waiting, so only a process that ends may do so.
    What the source raises, `read` raises in its place.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._blocks: queue.Queue[bytes | BaseException] = queue.Queue(_BLOCKS)
        self._block = b""
        self._ended = False
        threading.Thread(target=self._fill, daemon=True).start()

    def read(self, size: int, /) -> bytes:
        if not self._block and not self._ended:
            block = self._blocks.get()
            if isinstance(block, BaseException):
                self._ended = True
                raise block
            self._block, self._ended = block, not block
        if len(self._block) <= size:
            given, self._block = self._block, b""
            return given
        given, self._block = self._block[:size], self._block[size:]
        return given

    def _fill(self) -> None:
        try:
            block = b"."
            while block:
                block = self._source.read(_BLOCK_BYTES)
                self._blocks.put(block)
        except BaseException as error:  # noqa: BLE001 - it is raised where the block is missed
            self._blocks.put(error)
