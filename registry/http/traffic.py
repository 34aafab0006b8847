"""What went over the connection for one request, counted while it is served."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """Bytes of bodies, and whether the client holds its body back until it is told to go on (`Expect`)."""

    received: int = 0
    sent: int = 0
    awaits_continue: bool = False

    def add_sent(self, count: int) -> None:
        """Count `count` more bytes of the answer's body."""
        self.sent += count
