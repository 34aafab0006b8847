"""Signals for containers."""

from __future__ import annotations

from runner.containers.errors import SignalInvalid
from runner.oci import signals
from runner.oci.errors import UsageInvalid
from runner.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.records import Running
    from runner.containers.settings import Settings


def parse(text: str) -> int:
    """The number of a signal: `9`, `KILL` or `SIGKILL`.

    Raises:
        SignalInvalid: there is none like that.
    """
    try:
        return signals.parse(text)
    except UsageInvalid:
        raise SignalInvalid(text) from None


def of_stop(settings: Settings) -> int:
    """The signal that asks the container to end."""
    return signal.SIGTERM if settings.stop_signal is None else parse(settings.stop_signal)


def send(running: Running, number: int) -> bool:
    """Send a signal to the first process; False if it has ended."""
    return signals.send(running.pid, running.tick, number)
