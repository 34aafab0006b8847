"""The /dev/shm of another container, for one that shares its ipc namespace."""

from __future__ import annotations

import os

from runner.bundles.errors import NamespaceUnreachable
from runner.oci.errors import CallFailed
from runner.oci.kernel.files import DIRECTORY, open_in_root

_SHM = "/dev/shm"  # noqa: S108 - the container's


def open_of(pid: int, mode: str) -> tuple[int, str]:
    """A descriptor of what a container has at /dev/shm, and a path that leads there while this process has it open.

    It is looked for in that container's root: its programs decide what their links say, and it must not be ours.

    Args:
        pid: its first process.
        mode: the setting that names it, for errors.

    Raises:
        NamespaceUnreachable: it does not run any more, or has none.
    """
    try:
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise NamespaceUnreachable(mode, "it does not run") from error
    try:
        descriptor = open_in_root(root, _SHM, DIRECTORY)
    except CallFailed as error:
        raise NamespaceUnreachable(mode, "it has no /dev/shm") from error
    finally:
        os.close(root)
    return descriptor, f"/proc/{os.getpid()}/fd/{descriptor}"
