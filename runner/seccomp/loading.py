"""Putting a filter on the calling process (seccomp(2), prctl(2)). There is no way back: children inherit it."""

from __future__ import annotations

import errno
import os

from runner import plain_ctypes as ctypes
from runner.seccomp.errors import SeccompNotLoaded
from runner.seccomp.profile import FLAGS

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_CALL = _LIBRARY.syscall
_CALL.restype = ctypes.c_long

_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}  # not from the tables: they would be loaded for one number
_SET_MODE_FILTER = 1
_PR_SET_NO_NEW_PRIVS = 38
_INSTRUCTION_BYTES = 8


class _Program(ctypes.Structure):
    """Linux's struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def set_no_new_privileges() -> None:
    """Promise the kernel that no program started from here gains privileges; without root, a filter needs this.

    Raises:
        SeccompNotLoaded: the kernel is older than Linux 3.5.
    """
    if _LIBRARY.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise SeccompNotLoaded("no_new_privs cannot be set", _last_error())


def load(program: bytes, flags: int = 0) -> None:
    """Filter the system calls of this thread, and of all threads with SECCOMP_FILTER_FLAG_TSYNC, from now on.

    `flags` are bits of `runner.seccomp.profile.FLAGS`.

    Raises:
        SeccompNotLoaded: the reason names what the kernel or the caller lacks.
    """
    filtered = _Program(len(program) // _INSTRUCTION_BYTES, program)
    result = _seccomp(flags, ctypes.byref(filtered))
    if result > 0:
        reason = f"thread {result} has a filter of its own, and cannot be given this one"
        raise SeccompNotLoaded(reason, OSError(errno.ESRCH, os.strerror(errno.ESRCH)))
    if result < 0:
        cause = _last_error()
        raise SeccompNotLoaded(_reason(cause, flags), cause) from cause


def _reason(cause: OSError, flags: int) -> str:
    if cause.errno == errno.ENOSYS:
        return "the kernel is built without CONFIG_SECCOMP_FILTER, or older than Linux 3.17"
    if cause.errno == errno.EACCES:
        return "a filter takes CAP_SYS_ADMIN or no_new_privs"
    if cause.errno == errno.EINVAL:
        missing = [name for name, bit in FLAGS.items() if flags & bit and not _has_flag(bit)]
        return f"the kernel lacks {', '.join(missing)}" if missing else "the kernel refuses this program"
    return "the filter cannot be loaded"


def _has_flag(bit: int) -> bool:
    """Whether the kernel knows a flag: it then goes on to look for the program, which is not there."""
    return _seccomp(bit, None) == -1 and _last_error().errno == errno.EFAULT


def _seccomp(flags: int, program: object) -> int:
    number = _SYS_SECCOMP[os.uname().machine]
    result: int = _CALL(ctypes.c_long(number), ctypes.c_ulong(_SET_MODE_FILTER), ctypes.c_ulong(flags), program)
    return result


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
