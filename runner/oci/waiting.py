"""Waiting for a program in the foreground: its signals are passed on, its end becomes this process's."""

from __future__ import annotations

import os

from runner.plain_signal import signal
from runner.suppression import Suppressed

_ENDED_BY_SIGNAL = 128
_FIRST_REALTIME = 32
_NOT_PASSED_ON = {signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGURG}


def pass_signals_on(pid: int) -> None:
    """Let signals to this process reach a child instead; to be said before that one's program begins."""
    # Not by the number, which may be another process's by the time of the signal.
    child = os.pidfd_open(pid)
    for number in range(1, _FIRST_REALTIME):
        if number not in _NOT_PASSED_ON:
            signal.signal(number, lambda number, _frame: _pass_on(child, number))


def until_end(pid: int) -> int:
    """Wait for a child's end, burying all others meanwhile; its exit status, as shells tell it."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _ENDED_BY_SIGNAL - code


def _pass_on(child: int, number: int) -> None:
    with Suppressed(ProcessLookupError):
        signal.pidfd_send_signal(child, number)
