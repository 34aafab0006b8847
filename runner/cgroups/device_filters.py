"""Putting a program that decides about devices onto a cgroup of version 2 (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE)."""

from __future__ import annotations

import os

from runner import plain_ctypes as ctypes
from runner.cgroups.device_programs import device_program
from runner.cgroups.errors import CgroupFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.cgroups.folders import Folder
    from runner.cgroups.resources import DeviceRule

_SYS_BPF = {"x86_64": 321}
_SYS_BPF_ELSEWHERE = 280
_LOAD, _ATTACH, _DETACH, _GET_BY_ID, _QUERY = 5, 8, 9, 13, 16
_DEVICE_PROGRAM = 15
_DEVICE_ATTACHMENT = 6
# Beside those of the cgroups above, all of which have to allow; and those beneath may restrict further.
_ALLOW_MULTIPLE = 2
_MOST_PROGRAMS = 64
_INSTRUCTION_BYTES = 8


class _LoadAttributes(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("instructions", ctypes.c_char_p),
        ("license", ctypes.c_char_p),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log", ctypes.c_uint64),
        ("kernel", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
    )


class _AttachAttributes(ctypes.Structure):
    _fields_ = (
        ("target", ctypes.c_uint32),
        ("program", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
    )


class _QueryAttributes(ctypes.Structure):
    _fields_ = (
        ("target", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("query_flags", ctypes.c_uint32),
        ("attach_flags", ctypes.c_uint32),
        ("identities", ctypes.c_void_p),
        ("count", ctypes.c_uint32),
    )


class _IdentityAttributes(ctypes.Structure):
    _fields_ = (("identity", ctypes.c_uint32), ("next", ctypes.c_uint32), ("flags", ctypes.c_uint32))


def restrict(folder: Folder, rules: Iterable[DeviceRule]) -> None:
    """Let these rules decide about devices in a cgroup of version 2, instead of those that did before.

    Raises:
        CgroupFailed: the kernel refuses; one that is built without CONFIG_CGROUP_BPF does.
    """
    try:
        directory = os.open(folder.place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CgroupFailed(folder.place, error) from error
    try:
        before = _attached(directory)
        _attach(directory, device_program(rules))
        # Only now: there is no moment without rules.
        for identity in before:
            _detach(directory, identity)
    except OSError as error:
        words = f"the filter of devices: {error.strerror}"
        raise CgroupFailed(folder.place, OSError(error.errno, words)) from error
    finally:
        os.close(directory)


def _attach(directory: int, code: bytes) -> None:
    attributes = _LoadAttributes(_DEVICE_PROGRAM, len(code) // _INSTRUCTION_BYTES, code, b"GPL")
    program = _bpf(_LOAD, attributes)
    try:
        _bpf(_ATTACH, _AttachAttributes(directory, program, _DEVICE_ATTACHMENT, _ALLOW_MULTIPLE))
    finally:
        os.close(program)


def _attached(directory: int) -> list[int]:
    identities = (ctypes.c_uint32 * _MOST_PROGRAMS)()
    query = _QueryAttributes(directory, _DEVICE_ATTACHMENT, 0, 0, ctypes.addressof(identities), _MOST_PROGRAMS)
    _bpf(_QUERY, query)
    return list(identities[: query.count])


def _detach(directory: int, identity: int) -> None:
    program = _bpf(_GET_BY_ID, _IdentityAttributes(identity))
    try:
        _bpf(_DETACH, _AttachAttributes(directory, program, _DEVICE_ATTACHMENT))
    finally:
        os.close(program)


def _bpf(command: int, attributes: ctypes.Structure) -> int:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    number = _SYS_BPF.get(os.uname().machine, _SYS_BPF_ELSEWHERE)
    arguments = ctypes.c_long(command), ctypes.byref(attributes), ctypes.c_long(ctypes.sizeof(attributes))
    result: int = function(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
