"""Worker processes as their supervisor sees them: begun by a fork, heard through a pipe, watched until they end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from registry.errors import RegistryError
from registry.metadata.revision import SchemaMismatch
from registry.observability.logging import logger
from storage_backends.errors import StorageError

_log = logger(__name__)

_READY: Final = b"ready"
_FAILED: Final = b"failed "
_MESSAGE_BYTES: Final = 4096
_PR_SET_PDEATHSIG: Final = 1
# What the world outside can do to a worker; anything else is a defect, whose place the log has to name.
_EXPECTED: Final = (RegistryError, StorageError, SchemaMismatch, OSError)


@dataclass(slots=True)
class Process:
    """A running worker of slot `slot`; `pipe` gives its one message: that it serves, or why it cannot."""

    slot: int
    pid: int
    pipe: int
    began: float = field(default_factory=time.monotonic)
    is_ready: bool = False

    def read_message(self) -> str | None:
        """What the worker says: None that it serves, text why it cannot; to be called when the pipe has something."""
        said = os.read(self.pipe, _MESSAGE_BYTES)
        if said == _READY:
            self.is_ready = True
            return None
        return said.removeprefix(_FAILED).decode(errors="replace") or "a worker process ended without a word"

    def ended(self) -> int | None:
        """Its exit status (negative: the signal that ended it) if it has ended, else None; at most once."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; it is not waited for yet, so the process id is still its own."""
        os.kill(self.pid, number)

    def close(self) -> None:
        """Close this end of the pipe."""
        os.close(self.pipe)


def told(error: BaseException) -> str:
    """What the operator needs to know of `error`, in one line; its cause, which clients never see, included."""
    cause = getattr(error, "cause", None)
    text = " ".join(str(error).split()) or repr(error)
    return f"{text} ({' '.join(str(cause).split())})" if cause else text


def start(slot: int, serve: Callable[[Callable[[], None]], None]) -> Process:
    """Fork a worker that runs `serve`, giving it what to call once it serves.

    Must be called from a process with one thread.
    """
    reader, writer = os.pipe()
    supervisor = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _work(supervisor, writer, serve)
    os.close(writer)
    return Process(slot, pid, reader)


def _work(supervisor: int, writer: int, serve: Callable[[Callable[[], None]], None]) -> NoReturn:
    code = 1
    try:
        _inherit_nothing(supervisor)
        serve(lambda: _say(writer, _READY))
        code = 0
    except BaseException as error:  # noqa: BLE001 - the end of a process: the supervisor tells, the log says where
        _say(writer, _FAILED + told(error).encode(errors="replace"))
        if not isinstance(error, _EXPECTED):
            _log.error("a worker failed", exc_info=error)
    finally:
        # Not `sys.exit`: what the supervisor wants done at its end is not this process's to do.
        os._exit(code)


def _inherit_nothing(supervisor: int) -> None:
    """Behave as a process of its own, but end with the supervisor."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # Ctrl-C reaches every process of the terminal; only the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        # It died between the fork and the line above.
        os._exit(1)


def _say(writer: int, message: bytes) -> None:
    os.write(writer, message[:_MESSAGE_BYTES])
