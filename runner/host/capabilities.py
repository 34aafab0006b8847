"""What the kernel and the programs of this machine give to containers, looked at without changing anything."""

from __future__ import annotations

import ctypes
import os
import shutil
from contextlib import suppress
from pathlib import Path

from runner.cgroups import hierarchies
from runner.cgroups.errors import CgroupError
from runner.cgroups.hierarchies import KERNEL_OPTIONS

_PROC = Path("/proc")
_LIBRARY = "libnftables.so.1"
_CONTROLLERS = ("blkio", "cpu", "cpuset", "devices", "freezer", "memory", "pids")


def describe() -> dict[str, object]:
    """What there is, by names for people and templates."""
    system = os.uname()
    return {
        "KernelVersion": system.release,
        "Architecture": system.machine,
        "OperatingSystem": _operating_system(),
        "NCPU": len(os.sched_getaffinity(0)),
        "MemTotal": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "IsRoot": os.geteuid() == 0,
        "CgroupMode": _cgroup_mode(),
        "CgroupControllers": _controllers(),
        "Overlay": _file_system("overlay"),
        "NfTables": _has_nftables(),
        "Seccomp": (_PROC / "sys/kernel/seccomp/actions_avail").exists(),
        "UserNamespaces": _user_namespaces(),
    }


def lacks(found: dict[str, object]) -> list[str]:
    """What is missing of what containers need, each with what would bring it."""
    controllers = found["CgroupControllers"]
    assert isinstance(controllers, list)
    missing = [
        f"no cgroup controller {name}: the kernel needs {KERNEL_OPTIONS[name]}, and the controller must be mounted"
        for name in _CONTROLLERS
        # Version 2 has no files for devices: programs of the kernel's own kind do it.
        if name not in controllers and not (name in {"devices", "freezer"} and found["CgroupMode"] == "v2")
    ]
    if not found["Overlay"]:
        missing.append("no overlay file system: `modprobe overlay`, or a kernel with CONFIG_OVERLAY_FS")
    if not found["NfTables"]:
        missing.append(f"no nftables: install libnftables1 ({_LIBRARY}), and a kernel with CONFIG_NF_TABLES")
    if not found["Seccomp"]:
        missing.append("no filter of system calls: the kernel needs CONFIG_SECCOMP_FILTER")
    if not found["UserNamespaces"]:
        missing.append("no user namespaces: a kernel with CONFIG_USER_NS, and user.max_user_namespaces above 0")
    if not found["IsRoot"]:
        missing.append("not root: images can be pulled, containers cannot be run")
    return missing


def _operating_system() -> str:
    with suppress(OSError):
        for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name == "PRETTY_NAME":
                return value.strip('"')
    return "Linux"


def _cgroup_mode() -> str:
    try:
        return hierarchies.detect().mode
    except CgroupError:
        return "none"


def _controllers() -> list[str]:
    try:
        host = hierarchies.detect()
    except CgroupError:
        return []
    return [name for name in KERNEL_OPTIONS if host.find(name) is not None]


def _file_system(name: str) -> bool:
    """Whether the kernel knows it, or has a module that it loads when it is first mounted."""
    if name in (_PROC / "filesystems").read_text(encoding="ascii").split():
        return True
    modules = Path("/lib/modules") / os.uname().release / "modules.dep"
    with suppress(OSError):
        return f"/{name}.ko" in modules.read_text(encoding="utf-8")
    return False


def _has_nftables() -> bool:
    with suppress(OSError):
        ctypes.CDLL(_LIBRARY)
        return True
    return shutil.which("nft") is not None


def _user_namespaces() -> bool:
    with suppress(OSError, ValueError):
        return int((_PROC / "sys/user/max_user_namespaces").read_text(encoding="ascii")) > 0
    return False
