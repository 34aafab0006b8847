"""The label under which a security module watches the program, set for the next execve(2)."""

from __future__ import annotations

import os

from runner.oci.errors import CallFailed, FeatureMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.oci.spec.values import Process

_APPARMOR = "/sys/kernel/security/apparmor"
_APPARMOR_SWITCH = "/sys/module/apparmor/parameters/enabled"
_SELINUX = "/sys/fs/selinux/enforce"


class Label:
    """An open file of this process's own in /proc/self/attr: the kernel lets no other write it, and no child."""

    __slots__ = ("_descriptor", "_text")

    def __init__(self, proc: int, file: str, text: str) -> None:
        self._text = text
        try:
            self._descriptor = os.open(f"self/attr/{file}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        except OSError as error:
            raise CallFailed("open", file, error) from error

    def apply(self) -> None:
        """Have the next program labelled.

        Raises:
            CallFailed: the module does not know the label, or does not let it be had.
        """
        try:
            os.write(self._descriptor, self._text.encode())
        except OSError as error:
            raise CallFailed("label", self._text, error) from error
        os.close(self._descriptor)


def check(process: Process) -> None:
    """Whether this host has the modules that the program's labels are for.

    Raises:
        FeatureMissing: it has not.
    """
    if process.apparmor_profile is not None and not _has_apparmor():
        raise FeatureMissing(
            f"AppArmor profile {process.apparmor_profile}",
            "AppArmor is off (apparmor=1 on the kernel's command line, CONFIG_SECURITY_APPARMOR)",
        )
    if process.selinux_label is not None and not os.path.exists(_SELINUX):
        raise FeatureMissing(f"SELinux label {process.selinux_label}", "SELinux is off on this host")


def open_proc() -> int:
    """The host's /proc, to be opened while it is, and closed before anything of the container's is looked at.

    Raises:
        OSError: it is not mounted.
    """
    return os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def open_all(process: Process, proc: int) -> tuple[Label, ...]:
    """The labels of this process's program, to be applied right before it; `proc`, of `open_proc`, is closed.

    Raises:
        CallFailed: the kernel has no such files.
    """
    try:
        return tuple(_open_all(process, proc))
    finally:
        os.close(proc)


def _open_all(process: Process, proc: int) -> Iterator[Label]:
    if process.apparmor_profile is not None:
        # Where several modules are stacked, the file without a folder belongs to one of them only.
        stacked = os.access("self/attr/apparmor/exec", os.F_OK, dir_fd=proc)
        yield Label(proc, "apparmor/exec" if stacked else "exec", f"exec {process.apparmor_profile}")
    if process.selinux_label is not None:
        yield Label(proc, "exec", process.selinux_label)


def _has_apparmor() -> bool:
    try:
        with open(os.open(_APPARMOR_SWITCH, os.O_RDONLY | os.O_CLOEXEC), encoding="utf-8") as file:
            return file.read(1) == "Y" and os.path.exists(_APPARMOR)
    except OSError:
        return False
