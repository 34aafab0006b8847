"""The label under which a security module watches the program, set for the next execve(2)."""

from __future__ import annotations

import os

from runner.oci.errors import CallFailed, FeatureMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.spec.values import Process

_APPARMOR = "/sys/kernel/security/apparmor"
_APPARMOR_SWITCH = "/sys/module/apparmor/parameters/enabled"
_SELINUX = "/sys/fs/selinux/enforce"


class Label:
    """An open file of /proc/self/attr. It is opened while /proc is the host's own, and cannot lead elsewhere later."""

    __slots__ = ("_descriptor", "_text")

    def __init__(self, file: str, text: str) -> None:
        self._text = text
        try:
            self._descriptor = os.open(f"/proc/self/attr/{file}", os.O_WRONLY | os.O_CLOEXEC)
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


def open_all(process: Process) -> tuple[Label, ...]:
    """The labels of a process, to be applied right before its program.

    Raises:
        CallFailed: the kernel has no such files.
    """
    labels = []
    if process.apparmor_profile is not None:
        # Where several modules are stacked, the file without a folder belongs to one of them only.
        file = "apparmor/exec" if os.path.exists("/proc/self/attr/apparmor/exec") else "exec"
        labels.append(Label(file, f"exec {process.apparmor_profile}"))
    if process.selinux_label is not None:
        labels.append(Label("exec", process.selinux_label))
    return tuple(labels)


def _has_apparmor() -> bool:
    try:
        with os.fdopen(os.open(_APPARMOR_SWITCH, os.O_RDONLY | os.O_CLOEXEC), encoding="ascii") as file:
            return file.read(1) == "Y" and os.path.exists(_APPARMOR)
    except OSError:
        return False
