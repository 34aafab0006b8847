"""The one door to system calls that Python has no function for.

Everything that runs in a container's first process before its program comes through here, and nothing of it is loaded
later: after pivot_root a library of this name would be the container's.
"""

from __future__ import annotations

import os
import sys

from runner import plain_ctypes as ctypes
from runner.oci.errors import CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import _CArgObject
    from typing import Any, Final

    Argument = int | bytes | str | None | _CArgObject

_ENCODING: Final = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_SYSCALL: Final = _LIBC.syscall
_SYSCALL.restype = ctypes.c_long

# Numbers that are not the same everywhere. New ones are, from 424 on.
_X86_64: Final = {"clone": 56, "keyctl": 250, "ioprio_set": 251, "sched_setattr": 314, "capget": 125, "capset": 126}
_GENERIC: Final = {"clone": 220, "keyctl": 219, "ioprio_set": 30, "sched_setattr": 274, "capget": 90, "capset": 91}
_NUMBERS: Final = {"x86_64": _X86_64, "aarch64": _GENERIC, "riscv64": _GENERIC}
_EVERYWHERE: Final = {
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "clone3": 435,
    "close_range": 436, "openat2": 437, "mount_setattr": 442,
}  # fmt: skip


def system_call(name: str, *arguments: Argument, about: str = "") -> int:
    """Make a system call by its number.

    Args:
        name: one of those that this module knows.
        arguments: integers as wide as registers, bytes that end in no null, text of paths and the like, null pointers,
            or structures.
        about: what it is done to, for the error's text.

    Raises:
        CallFailed: the kernel refuses.
    """
    number = _EVERYWHERE.get(name) or _machine_numbers()[name]
    return _checked(name, _SYSCALL(ctypes.c_long(number), *map(_converted, arguments)), about)


def library_call(name: str, *arguments: Argument, about: str = "") -> int:
    """Call a function of the C library that returns -1 and sets errno when it fails.

    Raises:
        CallFailed: it does.
    """
    # By its attribute: the library remembers these.
    return _checked(name, getattr(_LIBC, name)(*map(_converted, arguments)), about)


def pointer(structure: ctypes.Structure | ctypes.Array[Any]) -> _CArgObject:
    """The address of a structure, as an argument."""
    return ctypes.byref(structure)


def encoded(text: str) -> bytes:
    """Text as the kernel has it, like `os.fsencode`, which is in the part of `os` that a start does without."""
    return text.encode(*_ENCODING)


def _converted(argument: Argument) -> object:
    if type(argument) is int:
        # By itself ctypes passes an integer as 32 bits and leaves the register's other half as it was.
        return ctypes.c_long(argument)
    return encoded(argument) if type(argument) is str else argument


def _checked(name: str, result: int, about: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise CallFailed(name, about, OSError(number, os.strerror(number)))
    return result


def _machine_numbers() -> dict[str, int]:
    machine = os.uname().machine
    if machine not in _NUMBERS:
        raise CallFailed("uname", machine, OSError(0, "numbers of system calls are not known for this machine"))
    return _NUMBERS[machine]
