"""Device files: those that every container has, and those of the configuration."""

from __future__ import annotations

import os
import stat

from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts
from runner.oci.rootfs import targets
from runner.oci.spec.values import Device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# The runtime specification's "Default Devices".
DEFAULT = tuple(
    Device(f"/dev/{name}", "c", major, minor, 0o666, 0, 0)
    for name, major, minor in (
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    )
)

_KINDS = {"b": stat.S_IFBLK, "c": stat.S_IFCHR, "p": stat.S_IFIFO}
_LINKS = (
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
)


def make_all(root: int, asked: Iterable[Device], *, bound: bool) -> None:
    """Make the default devices and those that are asked for, which come first where both have a name.

    Args:
        root: the root file system.
        asked: `linux.devices`.
        bound: whether the host's files are bound instead: in a user namespace none can be made.

    Raises:
        CallFailed: something else stands there, or the kernel refuses.
    """
    wanted = {device.path: device for device in (*DEFAULT, *asked)}
    for device in wanted.values():
        if bound and device.kind != "p":
            _bind(root, device)
        else:
            _make(root, device)


def link_all(root: int) -> None:
    """Make the links that programs expect in /dev ("Runtime and Lifecycle", "dev symbolic links").

    Raises:
        CallFailed: /dev is no directory.
    """
    links = [*_LINKS, ("/dev/ptmx", "pts/ptmx")]
    if os.path.exists("/proc/kcore"):
        links.append(("/dev/core", "/proc/kcore"))
    for path, target in links:
        above, name = targets.parent(root, path)
        try:
            if name == "ptmx":
                # The image may have a file: it would belong to the host's terminals.
                _remove(name, above)
            os.symlink(target, name, dir_fd=above)
        except FileExistsError:
            continue
        except OSError as error:
            raise CallFailed("symlink", path, error) from error
        finally:
            os.close(above)


def open_null() -> int:
    """A detached mount of the host's /dev/null, looked at before it is used (CVE-2025-31133).

    Raises:
        CallFailed: there is none, or it is another file.
    """
    mount = mounts.copy_path("/dev/null", recursive=False)
    found = os.fstat(mount)
    if not stat.S_ISCHR(found.st_mode) or found.st_rdev != os.makedev(1, 3):
        os.close(mount)
        raise CallFailed("open", "/dev/null", OSError(0, "is not the null device"))
    return mount


def _make(root: int, device: Device) -> None:
    above, name = targets.parent(root, device.path)
    try:
        if _is_there(above, name, device):
            return
        os.mknod(name, _KINDS[device.kind] | device.mode, os.makedev(device.major, device.minor), dir_fd=above)
        # By the name in an open directory, and not following it: nobody else can write to a new root's /dev yet, and
        # if somebody could, a link would not be followed.
        os.chown(name, device.uid, device.gid, dir_fd=above, follow_symlinks=False)
        _set_mode(above, name, device)
    except OSError as error:
        raise CallFailed("mknod", device.path, error) from error
    finally:
        os.close(above)


def _set_mode(above: int, name: str, device: Device) -> None:
    # mknod(2) took away what the umask forbids; chmod(2) by descriptor cannot be misled.
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        if stat.S_IFMT(os.fstat(descriptor).st_mode) == _KINDS[device.kind]:
            os.chmod(targets.by_descriptor(descriptor), device.mode)
    finally:
        os.close(descriptor)


def _is_there(above: int, name: str, device: Device) -> bool:
    try:
        found = os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return False
    same_kind = stat.S_IFMT(found.st_mode) == _KINDS[device.kind]
    if same_kind and (device.kind == "p" or found.st_rdev == os.makedev(device.major, device.minor)):
        return True
    raise OSError(17, "another file stands there")


def _bind(root: int, device: Device) -> None:
    source = mounts.copy_path(device.path, recursive=False)
    target = targets.file(root, device.path)
    try:
        mounts.attach(source, target)
    finally:
        os.close(target)
        os.close(source)


def _remove(name: str, above: int) -> None:
    try:
        os.unlink(name, dir_fd=above)
    except FileNotFoundError:
        return
