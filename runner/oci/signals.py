"""Signals by name or number, and sending one to a process that cannot be mistaken for another."""

from __future__ import annotations

import os

from runner.oci.errors import UsageInvalid
from runner.oci.processes import is_alive
from runner.plain_signal import signal

_REALTIME = {"RTMIN": signal.SIGRTMIN, "RTMAX": signal.SIGRTMAX}
_LAST = signal.SIGRTMAX


def parse(text: str) -> int:
    """The number of a signal: `9`, `KILL`, `SIGKILL` or `RTMIN+3`.

    Raises:
        UsageInvalid: there is none like that.
    """
    if text.isdecimal():
        number = int(text)
        if 0 < number <= _LAST:
            return number
        raise UsageInvalid(f"there is no signal {text[:20]}")
    name = text.upper().removeprefix("SIG")
    for word, base in _REALTIME.items():
        if name.startswith(word) and (name == word or name[len(word) + 1 :].isdecimal()):
            number = base + int(name[len(word) :] or "0")
            if signal.SIGRTMIN <= number <= _LAST:
                return number
    found = getattr(signal, f"SIG{name}", None)
    if not name.isalnum() or not isinstance(found, int):
        raise UsageInvalid(f"there is no signal {text[:20]!r}")
    return int(found)


def send(pid: int, started: int, number: int) -> bool:
    """Send a signal to the process that began at this tick; False if it has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        # Asked after it was opened: from here on the descriptor means this process, whoever gets its number.
        if not is_alive(pid, started):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True
