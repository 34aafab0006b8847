"""Who owns a job, or holds an upload: a process, named so that others on its machine can tell when it has died.

A process id alone says nothing on another machine, in another container or after a restart. So a name holds where the
id is one (host, boot and pid namespace) and when its process began, since ids are given again.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
# The fields of /proc/PID/stat behind the program's name, which may hold anything: the state, and the time of the start.
_STATE, _BEGAN = 0, 19
_ENDED: Final = ("Z", "X")


def this_process() -> str:
    """The name of the calling process as an owner."""
    return f"{_place()} {os.getpid()} {_seen(os.getpid())[1]}"


def has_died(owner: str) -> bool:
    """Whether the process of this name has ended for certain; False where that cannot be told from here."""
    place, _, process = owner.partition(" ")
    number, _, began = process.partition(" ")
    if not number.isdecimal() or not began or place != _place():
        return False
    try:
        state, began_now = _seen(int(number))
    except OSError:
        return not _exists(int(number))
    return state in _ENDED or began_now != began


def _place() -> str:
    """Where process ids mean what they mean here: this boot of this machine, and the pid namespace."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = (_PROC / "self/ns/pid").readlink()
    except OSError:
        # Alike only for the process itself: nobody else can tell.
        return f"{socket.gethostname()}/{os.urandom(8).hex()}"
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _seen(number: int) -> tuple[str, str]:
    fields = (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
    return fields[_STATE], fields[_BEGAN]


def _exists(number: int) -> bool:
    # Processes of other users may be hidden from /proc (its option `hidepid`), never from this.
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
