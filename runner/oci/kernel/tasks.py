"""What a process is to the kernel: capabilities, privileges, keys, names, scheduling."""

from __future__ import annotations

from runner import plain_ctypes as ctypes
from runner.oci.errors import CallFailed
from runner.oci.kernel.calls import encoded, library_call, pointer, system_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_SET_DUMPABLE: Final = 4
_SET_KEEP_CAPABILITIES: Final = 8
_IS_IN_BOUNDING_SET: Final = 23
_DROP_FROM_BOUNDING_SET: Final = 24
_SET_CHILD_SUBREAPER: Final = 36
_SET_NO_NEW_PRIVILEGES: Final = 38
_MOST_CAPABILITIES: Final = 64
# Of what prctl(2) takes behind the operation; where nothing is said of them, they have to be 0.
_UNUSED: Final = (0, 0, 0, 0)
_AMBIENT: Final = 47
_AMBIENT_RAISE: Final = 2
_AMBIENT_CLEAR: Final = 4
_CAPABILITY_VERSION_3: Final = 0x2008_0522
_JOIN_SESSION_KEYRING: Final = 1
_IOPRIO_WHO_PROCESS: Final = 1
_IOPRIO_CLASS_SHIFT: Final = 13


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


class SchedulingAttributes(ctypes.Structure):
    """Linux's struct sched_attr (sched_setattr(2))."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def forbid_dumps() -> None:
    """Let no process without CAP_SYS_PTRACE look into this one by /proc; the next program is open again."""
    _control(_SET_DUMPABLE, 0)


def allow_dumps() -> None:
    """Let this process's files in /proc be its own again."""
    _control(_SET_DUMPABLE, 1)


def adopt_orphans() -> None:
    """Be the parent of descendants whose parents end."""
    _control(_SET_CHILD_SUBREAPER, 1)


def keep_capabilities(keep: bool) -> None:
    """Whether permitted capabilities outlast the change from root to another user."""
    _control(_SET_KEEP_CAPABILITIES, int(keep))


def forbid_new_privileges() -> None:
    """Let no program that is executed from now on give more than this process has."""
    _control(_SET_NO_NEW_PRIVILEGES, 1)


def bounding_set() -> frozenset[int]:
    """The capabilities that programs can still be given."""
    found = set()
    for number in range(_MOST_CAPABILITIES):
        try:
            if _control(_IS_IN_BOUNDING_SET, number):
                found.add(number)
        except CallFailed:
            # The kernel knows none from this number on.
            break
    return frozenset(found)


def drop_from_bounding_set(capability: int) -> None:
    """Let no program give this capability.

    Raises:
        CallFailed: it is unknown to the kernel, or CAP_SETPCAP is lacking.
    """
    _control(_DROP_FROM_BOUNDING_SET, capability)


def clear_ambient_set() -> None:
    """Give no capability to programs that know nothing of them."""
    _control(_AMBIENT, _AMBIENT_CLEAR)


def raise_ambient(capability: int) -> None:
    """Give a capability to every program.

    Raises:
        CallFailed: it is not both permitted and inheritable.
    """
    _control(_AMBIENT, _AMBIENT_RAISE, capability)


def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    """Set three of the five sets, each a mask of bits.

    Raises:
        CallFailed: one asks for more than this process may have.
    """
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    low, high = ([mask >> shift & 0xFFFF_FFFF for mask in (effective, permitted, inheritable)] for shift in (0, 32))
    data = (_CapabilityData * 2)(_CapabilityData(*low), _CapabilityData(*high))
    system_call("capset", pointer(header), pointer(data))


def join_new_session_keyring() -> None:
    """Leave the keys of whoever started this process.

    The new keyring has no name: by a name the kernel would look for one that is there, which may be a container's.
    """
    system_call("keyctl", _JOIN_SESSION_KEYRING, None)


def set_hostname(name: str) -> None:
    """Name this uts namespace."""
    library_call("sethostname", name, len(encoded(name)), about=name)


def set_domainname(name: str) -> None:
    """Set the NIS domain of this uts namespace."""
    library_call("setdomainname", name, len(encoded(name)), about=name)


def set_personality(domain: int) -> None:
    """Set the execution domain (personality(2))."""
    library_call("personality", domain)


def set_io_priority(scheduling_class: int, priority: int) -> None:
    """Set this process's share of disks (ioprio_set(2))."""
    value = scheduling_class << _IOPRIO_CLASS_SHIFT | priority
    system_call("ioprio_set", _IOPRIO_WHO_PROCESS, 0, value)


def set_scheduling(attributes: SchedulingAttributes) -> None:
    """Set how this process is scheduled (sched_setattr(2))."""
    attributes.size = ctypes.sizeof(attributes)
    system_call("sched_setattr", 0, pointer(attributes), 0)


def _control(operation: int, *arguments: int) -> int:
    try:
        return library_call("prctl", operation, *arguments, *_UNUSED[len(arguments) :])
    except CallFailed as error:
        raise CallFailed(f"prctl {operation}", "", error.cause) from error
