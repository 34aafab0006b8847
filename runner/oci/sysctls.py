"""Settings of the kernel that belong to the container's namespaces."""

from __future__ import annotations

import _socket
import fcntl
import os
import struct

from runner.oci.errors import CallFailed
from runner.oci.kernel.files import DIRECTORY, open_beneath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_GET_FLAGS = 0x8913  # SIOCGIFFLAGS
_SET_FLAGS = 0x8914  # SIOCSIFFLAGS
_UP = 1


def write(settings: Mapping[str, str]) -> None:
    """Write settings, by the host's own /proc, which no image can have put anything into (CVE-2025-52881).

    For a process that is in the container's namespaces already, and has not changed its root.

    Raises:
        CallFailed: the kernel does not know one, or does not take the value.
    """
    if not settings:
        return
    folder = os.open("/proc/sys", DIRECTORY)
    try:
        for name, value in settings.items():
            _write_one(folder, name, value)
    finally:
        os.close(folder)


def bring_loopback_up() -> None:
    """Switch on the loopback interface of this network namespace.

    Raises:
        CallFailed: the kernel refuses.
    """
    end = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(end.fileno(), _GET_FLAGS, request))[1]
        fcntl.ioctl(end.fileno(), _SET_FLAGS, struct.pack("16sh22x", b"lo", flags | _UP))
    except OSError as error:
        raise CallFailed("ioctl", "lo", error) from error
    finally:
        end.close()


def _write_one(folder: int, name: str, value: str) -> None:
    # Dots separate; a name with slashes may have dots in it, as interfaces with VLANs do.
    path = name if "/" in name else name.replace(".", "/")
    try:
        descriptor = open_beneath(folder, path, os.O_WRONLY)
    except CallFailed as error:
        raise CallFailed("sysctl", name, error.cause) from error
    try:
        os.write(descriptor, value.encode())
    except OSError as error:
        raise CallFailed("sysctl", name, error) from error
    finally:
        os.close(descriptor)
