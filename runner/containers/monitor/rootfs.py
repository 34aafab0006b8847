"""The container's root, mounted where its bundle says, in a mount namespace that ends with the monitor.

So nothing is left mounted, whoever is killed; and who makes other namespaces of mounts meanwhile does not copy it.
"""

from __future__ import annotations

import errno
import os

from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts, namespaces
from runner.oci.kernel.calls import library_call

_DETACH = 2


def put(root: int, place: str) -> None:
    """Mount what is open at a place, and close it.

    Raises:
        CallFailed: the kernel refuses.
    """
    namespaces.unshare(["mount"])
    _keep_from_host(place)
    _attach(root, place)


def put_beside(mount: int, place: str) -> None:
    """Mount something else that is open at a place, which is made, once the root is where it belongs; and close it.

    Raises:
        CallFailed: the kernel refuses.
    """
    os.mkdir(place, 0o700)
    _attach(mount, place)


def take_away(place: str) -> None:
    """Unmount it."""
    library_call("umount2", place, _DETACH, about=place)


def _attach(mount: int, place: str) -> None:
    target = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mounts.attach(mount, target)
    finally:
        os.close(target)
        os.close(mount)


def _keep_from_host(place: str) -> None:
    """Let the mount that holds the place tell the host nothing; others go on sharing what they share."""
    path = place
    while True:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            mounts.change(descriptor, propagation=mounts.SLAVE)
        except CallFailed as error:
            # It is no mount, but lies in one.
            if error.cause.errno != errno.EINVAL or path == "/":
                raise
        else:
            return
        finally:
            os.close(descriptor)
        path = os.path.dirname(path)
