"""Large contents that are made quickly, and in which whatever is misplaced shows."""

from array import array


def pattern(size: int) -> bytes:
    """Bytes of which no two blocks are alike."""
    return array("Q", range(size // 8 + 1)).tobytes()[:size]
