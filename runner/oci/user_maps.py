"""What the IDs of a container's user namespace are to the host (user_namespaces(7))."""

from __future__ import annotations

import os

from runner.oci.errors import CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.oci.spec.values import IdRange, Linux


def write(pid: int, linux: Linux) -> None:
    """Write the maps of a process that has just made a user namespace; with the host's rights, so any IDs can be given.

    Raises:
        CallFailed: the kernel does not take them.
    """
    _write(f"/proc/{pid}/uid_map", linux.uid_mappings)
    _write(f"/proc/{pid}/gid_map", linux.gid_mappings)


def _write(path: str, ranges: Iterable[IdRange]) -> None:
    text = "".join(f"{entry.container} {entry.host} {entry.size}\n" for entry in ranges)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CallFailed("write", path, error) from error
