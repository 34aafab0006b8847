"""The module `signal`, but for its enumerations: their making costs a container's start 2 ms."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

__all__ = ["signal"]
