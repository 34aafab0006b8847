"""How far a transfer has come."""

from __future__ import annotations

from typing import Protocol

from oci_spec.digest import Digest


class Progress(Protocol):
    """Who wants to know how far a transfer has come; called on the event loop, so it must be quick."""

    def advanced(self, digest: Digest, done: int, total: int | None) -> None:
        """Of the blob `digest`, `done` of `total` bytes have been transferred (None: nobody knows how many there are).

        `done` may fall where an upload has to begin anew.
        """
