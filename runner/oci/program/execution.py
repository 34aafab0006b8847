"""The last steps before the container's program: found by its own PATH, alone with its descriptors, executed."""

from __future__ import annotations

import errno
import os
import stat

from runner.oci.errors import CallFailed, ProgramNotFound
from runner.oci.kernel.files import close_on_exec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.spec.values import Process

_FIRST_DESCRIPTOR = 3
_DEFAULT_HOME = "/"
# As much of /etc/passwd as is looked at: the image may have anything there.
_PASSWD_SIZE = 1024 * 1024


def enter_directory(path: str) -> None:
    """Go to the working directory.

    Raises:
        CallFailed: it is not there, or a link led out of the root (CVE-2024-21626).
    """
    try:
        os.chdir(path)
        # The kernel's answer, not a name that was put together: it says so where the directory is not beneath the root.
        if not os.getcwd().startswith("/"):
            raise OSError(errno.ENOENT, "is outside of the container")
    except OSError as error:
        raise CallFailed("chdir", path, error) from error


def find_program(name: str, environment: dict[str, str]) -> str:
    """The path that is to be executed.

    Raises:
        ProgramNotFound: it is not there, or is not for this user to execute.
    """
    if "/" in name:
        candidates = [name]
    else:
        candidates = [f"{folder or '.'}/{name}" for folder in environment.get("PATH", "").split(":") if folder]
    failure: OSError = FileNotFoundError(errno.ENOENT, "no such file or directory")
    for candidate in candidates:
        try:
            if stat.S_ISDIR(os.stat(candidate).st_mode):
                raise PermissionError(errno.EISDIR, "is a directory")
            if not os.access(candidate, os.X_OK):
                raise PermissionError(errno.EACCES, "permission denied")
        except FileNotFoundError:
            continue
        except OSError as error:
            failure = error
            continue
        return candidate
    raise ProgramNotFound(name, failure)


def environment_of(process: Process) -> dict[str, str]:
    """The program's environment; HOME is added if it is missing, from the container's own /etc/passwd."""
    environment = dict(text.partition("=")[::2] for text in process.environment)
    if not environment.get("HOME"):
        environment["HOME"] = _home(process.user.uid)
    return environment


def close_descriptors(preserved: int) -> None:
    """Leave the next program the standard streams and this many descriptors behind them, and nothing else.

    What Python opens afterwards does not reach it either.

    Raises:
        CallFailed: the kernel refuses.
    """
    for descriptor in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + preserved):
        os.set_inheritable(descriptor, True)
    close_on_exec(_FIRST_DESCRIPTOR + preserved)


def execute(path: str, process: Process, environment: dict[str, str]) -> None:
    """Become the program.

    Raises:
        ProgramNotFound: the kernel does not execute it.
    """
    try:
        os.execve(path, process.arguments, environment)
    except OSError as error:
        raise ProgramNotFound(process.arguments[0], error) from error


def _home(uid: int) -> str:
    for line in _passwd().splitlines():
        fields = line.split(":")
        if len(fields) >= 6 and fields[2] == str(uid) and fields[5].startswith("/"):
            return fields[5]
    return _DEFAULT_HOME


def _passwd() -> str:
    """The file, if it is one: a FIFO would keep the container from starting, a device might do worse."""
    try:
        descriptor = os.open("/etc/passwd", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.read(descriptor, _PASSWD_SIZE).decode("utf-8", "backslashreplace")
    finally:
        os.close(descriptor)
