"""Network namespaces of the tests' own; the machine's own network is never touched."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CLONE_NEWNET = 0x40000000


@contextmanager
def network_namespace() -> Iterator[int]:
    """A descriptor of a new, empty network namespace, which is gone when it is closed."""
    descriptor = _make()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make() -> int:
    made: list[int] = []

    def make() -> None:
        # Of this thread alone: it ends, and the namespace stays for as long as the file is open.
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) == 0:
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert made, "unshare(CLONE_NEWNET) failed"
    return made[0]
