"""Forking a child that is born in a cgroup of version 2 and in new namespaces, or as another one's child.

To move a process into a cgroup, the kernel waits until all processors have passed a point, 10 to 20 ms; to be born
there costs nothing (clone3(2), CLONE_INTO_CGROUP). A new namespace of processes is for children only.
"""

from __future__ import annotations

import os

from runner import plain_ctypes as ctypes
from runner.oci.kernel.calls import pointer, system_call
from runner.oci.kernel.namespaces import FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from runner.oci.kernel.calls import Argument

_INTO_CGROUP: Final = 0x2_0000_0000
_AS_SIBLING: Final = 0x8000
_SIGCHLD: Final = 17


class _CloneArguments(ctypes.Structure):
    """Linux's struct clone_args."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls", "set_tid",
            "set_tid_size", "cgroup",
        )
    )  # fmt: skip


def fork_into(directory: str, kinds: Iterable[str] = ()) -> int:
    """What os.fork does, for a process of one thread; the child is in the cgroup whose directory this is.

    It is in new namespaces of these kinds besides. The C library knows nothing of it: the child may fork and end, but
    takes itself for its parent where it asks the library for its thread's number.

    Raises:
        CallFailed: the kernel refuses, or whoever filters this process's system calls.
    """
    cgroup = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags = _INTO_CGROUP | sum(FLAGS[kind] for kind in kinds)
        arguments = _CloneArguments(flags=flags, exit_signal=_SIGCHLD, cgroup=cgroup)
        return _forked("clone3", pointer(arguments), ctypes.sizeof(arguments), about=directory)
    finally:
        os.close(cgroup)


def fork_sibling() -> int:
    """The same, but the child is one of this process's parent, who waits for it: this one may end at once.

    Raises:
        CallFailed: the kernel refuses.
    """
    return _forked("clone", _AS_SIBLING, 0, 0, 0, 0)


def _forked(call: str, *arguments: Argument, about: str = "") -> int:
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = -1
    try:
        pid = system_call(call, *arguments, about=about)
    finally:
        (ctypes.pythonapi.PyOS_AfterFork_Parent if pid else ctypes.pythonapi.PyOS_AfterFork_Child)()
    return pid
