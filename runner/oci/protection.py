"""Executing the interpreter from a mount that nobody can write to.

While this process is in a container, /proc/PID/exe leads the container's programs to the file that it executes, the
interpreter of the host; so does a program `#!/proc/self/exe` in its image. Once the interpreter has ended, they could
write to it (CVE-2019-5736). So it is executed from a detached read-only mount of its file, which no container sees.
"""

from __future__ import annotations

import os
import sys

from runner.oci.errors import OciError, SetupFailed
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

NEEDED_BY: Final = frozenset({"create", "exec", "run"})
"""The commands whose process is seen in a container."""

_MARK: Final = "runner_oci_protected"


def ensure_early(words: list[str]) -> None:
    """Do so before the commands are loaded, where a command line may hold one that needs it: it begins anew then.

    Where it cannot be done, `ensure` tells so later.
    """
    if not NEEDED_BY.isdisjoint(words):
        with Suppressed(OciError):
            ensure()


def ensure() -> None:
    """Come back where this process executes a file that nobody can write to; else begin it again from such a one.

    Raises:
        CallFailed: the kernel cannot give one (Linux 5.12 can).
        SetupFailed: it gave one, and still the file can be written to.
    """
    if _is_protected():
        return
    if _MARK in sys._xoptions:
        check()
    file = open_interpreter()
    os.execve(file, command(f"{os.path.dirname(__file__)}/launch.py", *sys.argv[1:]), os.environ)


def check() -> None:
    """See that this process executes a file that nobody can write to.

    Raises:
        SetupFailed: it does not.
    """
    if not _is_protected():
        raise SetupFailed("the interpreter cannot be protected from the container")


def open_interpreter() -> int:
    """The interpreter that this process executes, open at a mount that nobody can write to.

    Raises:
        CallFailed: the kernel cannot give one.
    """
    from runner.oci.kernel import mounts

    file = mounts.copy_path(os.path.realpath("/proc/self/exe"), recursive=False)
    mounts.change(file, add=mounts.READ_ONLY | mounts.NO_SUID)
    return file


def command(launcher: str, *words: str) -> list[str]:
    """The command line for it."""
    # By this name it finds its library.
    interpreter = sys.orig_argv[0] if "/" in sys.orig_argv[0] else sys.executable
    return [interpreter, "-I", "-S", "-X", _MARK, launcher, *words]


def _is_protected() -> bool:
    return bool(os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY)
