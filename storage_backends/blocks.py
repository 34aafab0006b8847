"""Chunks as a network delivers them, gathered into blocks worth a hop to another thread."""

from __future__ import annotations

from collections.abc import AsyncIterator

BLOCK_SIZE = 1 << 20
"""Bytes gathered before they are worth a hop: with less, the hop costs more than hashing and writing."""

# Beyond this, copying a chunk costs more than carrying it along as a buffer of its own.
_SMALL_SIZE = 16 << 10


class Blocks:
    """The bytes of `chunks` in blocks of about 1 MiB, at least BLOCK_SIZE except for the last.

    `ended` tells that the block just taken is the last one, which may be empty; `interruption` is what `chunks` raised
    in place of ending.
    """

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.ended = False
        self.interruption: Exception | None = None

    async def take(self) -> list[bytes | bytearray]:
        """The next block, as a list of buffers: large chunks uncopied, small ones run together.

        However small the chunks, a block never takes much more memory than its bytes.
        """
        block: list[bytes | bytearray] = []
        size = 0
        try:
            while size < BLOCK_SIZE:
                chunk = await anext(self._chunks)
                size += len(chunk)
                _add(block, chunk)
        except StopAsyncIteration:
            self.ended = True
        except Exception as error:  # noqa: BLE001 - whatever ends the chunks: what came before is kept, and it is raised on
            self.ended = True
            self.interruption = error
        return block


def _add(block: list[bytes | bytearray], chunk: bytes) -> None:
    if len(chunk) >= _SMALL_SIZE:
        block.append(chunk)
    elif block and isinstance(block[-1], bytearray):
        block[-1] += chunk
    elif chunk:
        block.append(bytearray(chunk))
