"""Chunks of one size, as clients send them that cut up a stream, received so that nothing has to be moved afterwards.

Once two have come, the kernel is told where the content of those that follow belongs, and to put what stands between
them aside. One comparison then tells for all of them whether they are what they were taken for. Where they are not, as
at the end of every body, what came is put together again as it was on the wire.
"""

from __future__ import annotations

from typing import Final

LEAST_SIZE: Final = 16 * 1024
"""Below this there are so many that to name their places costs more than it saves."""

# What is received at once. More is seldom there, and each place costs something to be named.
_AT_ONCE_BYTES: Final = 1024 * 1024


class SteadyChunks:
    """Chunks as large as `digits` say, each behind another one of this size."""

    def __init__(self, digits: bytes) -> None:
        """Expect a size line of `digits` and nothing else."""
        self._size = int(digits, 16)
        seam = b"\r\n%b\r\n" % digits
        self._seam_size = len(seam)
        self._expected = seam * (_AT_ONCE_BYTES // self._size + 1)
        self._seams = memoryview(bytearray(self._expected))
        begins = range(0, len(self._expected), len(seam))
        self._places = [self._seams[begin : begin + len(seam)] for begin in begins]

    def places(self, room: memoryview, left: int) -> list[memoryview]:
        """Where what comes next is to be received, in this order; `left` bytes of a chunk are still to come."""
        places, begin = [room[:left]], left
        for seam in self._places:
            if begin >= len(room):
                break
            places += (seam, room[begin : begin + self._size])
            begin += self._size
        return places

    def read(self, room: memoryview, left: int, received: int) -> tuple[int, int, bytes]:
        """What the `received` bytes are that came to the `places` of `room` and `left`.

        How much content stands at the front of `room`; how much of its last chunk is still to come; and what came
        behind that, as it was on the wire: something else, or the beginning of what stands between two chunks.
        """
        period = self._seam_size + self._size
        seams = self._right_seams(received - left)
        known = min(received, left + seams * period)
        content = known - seams * self._seam_size
        return content, left + seams * self._size - content, self._on_the_wire(room, left, seams)[: received - known]

    def _right_seams(self, behind_first: int) -> int:
        """How many seams came whole with the bytes behind the first chunk, up to the first one that is another."""
        chunks, part = divmod(max(behind_first, 0), self._seam_size + self._size)
        came = (chunks + (part >= self._seam_size)) * self._seam_size
        if self._seams[:came] == self._expected[:came]:
            return came // self._seam_size
        return next(
            begin // self._seam_size
            for begin in range(0, came, self._seam_size)
            if self._seams[begin : begin + self._seam_size] != self._expected[begin : begin + self._seam_size]
        )

    def _on_the_wire(self, room: memoryview, left: int, seams: int) -> bytes:
        """All places from a seam on, in the order in which they were filled."""
        places = self.places(room, left)
        return b"".join(places[1 + 2 * seams :])
