"""Connections to network namespaces other than the process's own."""

from __future__ import annotations

import os

from runner import plain_ctypes as ctypes
from runner.netlink.connection import ROUTE, Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Result = TypeVar("Result")

_CLONE_NEWNET = 0x40000000
_OWN = "/proc/thread-self/ns/net"


def connect(descriptor: int, family: int = ROUTE) -> Connection:
    """A connection to the network namespace of which a file is open.

    Raises:
        OSError: it is no network namespace, or root's rights are missing.
    """
    return inside(descriptor, lambda: Connection(family))


def inside(descriptor: int, action: Callable[[], Result]) -> Result:
    """What `action` gives when this thread is in the network namespace of which a file is open. It comes back.

    Raises:
        OSError: it is no network namespace, or root's rights are missing.
    """
    own = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(descriptor)
        try:
            return action()
        finally:
            _enter(own)
    finally:
        os.close(own)


def _enter(descriptor: int) -> None:
    # Python has os.setns from 3.12 on.
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
