"""Whether a container's monitor lives: it holds a lock that only its own end gives back.

It is a lock of fcntl(2), which belongs to a process: what the monitor forks does not keep it. Who asks is told who
holds it, and takes nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from runner.containers.folders import Place

_FLOCK = "hhqqi4x"
# From the beginning of the file on (SEEK_SET).
_ANY_BYTE = (0, 0, 0)


def hold(place: Place) -> int | None:
    """Hold it until this process ends; the descriptor, which must stay open. None where another one does.

    Raises:
        FileNotFoundError: the container is gone.
    """
    descriptor = os.open(place.monitor, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in {errno.EACCES, errno.EAGAIN}:
            raise
        return None
    return descriptor


def monitor_of(place: Place) -> int | None:
    """The process that holds it; None where there is none."""
    try:
        descriptor = os.open(place.monitor, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, *_ANY_BYTE, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, wanted))
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else pid


def opened_monitor(place: Place) -> int | None:
    """A descriptor of that process (pidfd_open(2)), which tells its end to poll(2)."""
    pid = monitor_of(place)
    if pid is None:
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    # The number may have become another process's in between.
    if monitor_of(place) == pid:
        return descriptor
    os.close(descriptor)
    return None
