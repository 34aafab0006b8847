"""Worker processes as their supervisor sees them: begun by a fork, spoken with, watched until they end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from registry.app import dialogue
from registry.errors import RegistryError
from registry.metadata.revision import SchemaMismatch
from registry.observability.logging import logger
from storage_backends.errors import StorageError

_log = logger(__name__)

_PR_SET_PDEATHSIG: Final = 1
# What the world outside can do to a worker; anything else is a defect, whose place the log has to name.
_EXPECTED: Final = (RegistryError, StorageError, SchemaMismatch, OSError)


@dataclass(slots=True)
class Process:
    """A running worker of slot `slot`."""

    slot: int
    pid: int
    dialogue: dialogue.SupervisorEnd
    began: float = field(default_factory=time.monotonic)
    is_ready: bool = False

    def ended(self) -> int | None:
        """Its exit status (negative: the signal that ended it) if it has ended, else None; at most once."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; it is not waited for yet, so the process id is still its own."""
        os.kill(self.pid, number)

    def close(self) -> None:
        """End the dialogue."""
        self.dialogue.close()


def told(error: BaseException) -> str:
    """What the operator needs to know of `error`, in one line; its cause, which clients never see, included."""
    cause = getattr(error, "cause", None)
    text = " ".join(str(error).split()) or repr(error)
    return f"{text} ({' '.join(str(cause).split())})" if cause else text


def start(slot: int, serve: Callable[[dialogue.WorkerEnd], None]) -> Process:
    """Fork a worker that runs `serve`, which says `READY` to its supervisor once it serves.

    Must be called from a process with one thread.
    """
    ours, theirs = dialogue.pair()
    supervisor = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _work(supervisor, theirs, serve)
    theirs.close()
    return Process(slot, pid, ours)


def _work(supervisor: int, end: dialogue.WorkerEnd, serve: Callable[[dialogue.WorkerEnd], None]) -> NoReturn:
    code = 1
    try:
        _inherit_nothing(supervisor)
        serve(end)
        code = 0
    except BaseException as error:  # noqa: BLE001 - the end of a process: the supervisor tells, the log says where
        end.say(dialogue.Word.FAILED, told(error))
        if not isinstance(error, _EXPECTED):
            _log.error("a worker failed", exc_info=error)
    finally:
        # Not `sys.exit`: what the supervisor wants done at its end is not this process's to do.
        os._exit(code)


def _inherit_nothing(supervisor: int) -> None:
    """Behave as a process of its own, but end with the supervisor."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    # Ctrl-C and a terminal's end reach every process of the terminal; only the supervisor decides what they mean.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        # It died between the fork and the line above.
        os._exit(1)
