"""`--ulimit`, `--sysctl`, `--device` and lists of processors. What is wrong raises ValueError, with the reason."""

from __future__ import annotations

from runner.bundles.paths import clean
from runner.cli.creation import sizes
from runner.containers.settings import Device, Ulimit

_ULIMITS = frozenset({
    "core", "cpu", "data", "fsize", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime",
    "sigpending", "stack",
})  # fmt: skip
_NETWORK_SYSCTLS = "net."
_QUEUE_SYSCTLS = "fs.mqueue."
_IPC_SYSCTLS = frozenset({
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
    "kernel.shm_rmid_forced",
})  # fmt: skip
_SYSCTL_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./")
_HIGHEST_PROCESSOR = 8191
_ALL = "rwm"


def ulimit(text: str) -> Ulimit:
    """`NAME=SOFT[:HARD]`; one number stands for both, -1 for none."""
    name, equals, values = text.partition("=")
    if not equals:
        raise ValueError(f"invalid ulimit argument: {text}")
    if name not in _ULIMITS:
        raise ValueError(f"invalid ulimit type: {name}")
    soft, _, hard = values.partition(":")
    limits = [sizes.whole(number) for number in (soft, hard if ":" in values else soft)]
    if min(limits) < -1:
        raise ValueError("expected numbers that are not negative, or -1 for no limit")
    if limits[1] != -1 and not 0 <= limits[0] <= limits[1]:
        raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {limits[0]} > {limits[1]}")
    return Ulimit(name, *limits)


def sysctl(text: str) -> tuple[str, str]:
    """`NAME=value`, of those that belong to a namespace of the container's own."""
    name, equals, value = text.partition("=")
    known = name.startswith((_NETWORK_SYSCTLS, _QUEUE_SYSCTLS)) or name in _IPC_SYSCTLS
    # The name becomes a path: what is no plain one could lead to the host's settings.
    if not equals or not known or ".." in name or not _SYSCTL_SIGNS.issuperset(name) or name.endswith((".", "/")):
        raise ValueError(f"sysctl {text!r} is not allowed")
    return name, value


def device(text: str) -> Device:
    """`PATH[:PATH][:PERMISSIONS]`: on the host, in the container, and what of reading, writing and mknod is allowed."""
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise ValueError(f"invalid device specification: {text}")
    host, rest = parts[0], parts[1:]
    permissions = rest.pop() if rest and _are_permissions(rest[-1]) else _ALL
    inside = rest[0] if rest else host
    if len(rest) > 1:
        raise ValueError(f"bad mode specified: {rest[1]}")
    for path in (host, inside):
        if not path.startswith("/"):
            raise ValueError(f"{path} is not an absolute path")
    return Device(clean(host), clean(inside), permissions)


def processors(text: str) -> str:
    """A list of processors or of memory nodes: `0-3,7`."""
    for part in text.split(","):
        first, dash, last = part.partition("-")
        bounds = [first, last if dash else first]
        if not all(number.isdecimal() and number.isascii() and int(number) <= _HIGHEST_PROCESSOR for number in bounds):
            raise ValueError("expected a list like 0-3,7")
        if int(bounds[0]) > int(bounds[1]):
            raise ValueError("a range goes backwards")
    return text


def _are_permissions(text: str) -> bool:
    return 0 < len(text) <= len(_ALL) and all(text.count(letter) == 1 for letter in text) and not set(text) - set(_ALL)
