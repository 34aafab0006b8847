"""Devices of the host's in a container: their files, and what the cgroup lets be done with them."""

from __future__ import annotations

import os
import stat

from runner.bundles.errors import DeviceMissing, DeviceUnusable
from runner.containers.settings import Device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.containers.settings import Settings

    Document = dict[str, object]

_DEV = "/dev"
_ALL = "rwm"
_DENY_ALL = {"allow": False, "access": _ALL}
_ALLOW_ALL = {"allow": True, "access": _ALL}
# Each container has its own; and those that every container has.
_OWN = frozenset({
    "pts", "shm", "mqueue", "fd", "console", "ptmx", "null", "zero", "full", "random", "urandom", "tty", "stdin",
    "stdout", "stderr", "core",
})  # fmt: skip
_MOST_DEVICES = 10_000


def devices(settings: Settings) -> tuple[list[Document], list[Document]]:
    """`linux.devices`, and the rules of `linux.resources.devices`.

    Raises:
        DeviceUnusable: something that is asked for is no device.
    """
    if settings.security.privileged:
        asked = {device.path: (device, status) for device, status in _below(Device(_DEV, _DEV, _ALL))}
    else:
        asked = {}
    for wanted in settings.devices:
        found = [*_found(wanted)]
        if not found:
            raise DeviceUnusable(wanted.host_path, "there is no device")
        asked |= {device.path: (device, status) for device, status in found}
    files = [_file(device, status) for device, status in asked.values()]
    if settings.security.privileged:
        return files, [_ALLOW_ALL]
    return files, [_DENY_ALL, *(_rule(device, status) for device, status in asked.values())]


def _found(wanted: Device) -> Iterator[tuple[Device, os.stat_result]]:
    try:
        status = os.stat(wanted.host_path)
    except OSError as error:
        kind = DeviceMissing if isinstance(error, FileNotFoundError) else DeviceUnusable
        raise kind(wanted.host_path, error.strerror or "cannot be looked at") from error
    if stat.S_ISDIR(status.st_mode):
        yield from _below(wanted)
    elif _is_device(status):
        yield wanted, status


def _below(wanted: Device) -> Iterator[tuple[Device, os.stat_result]]:
    """All devices in a directory of the host's; links are not followed."""
    count = 0
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(f"{wanted.host_path}/{folder}") as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                below = f"{folder}/{entry.name}" if folder else entry.name
                if wanted.host_path == _DEV and below in _OWN:
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    # Terminals come and go.
                    continue
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(below)
                elif _is_device(status):
                    count += 1
                    if count > _MOST_DEVICES:
                        raise DeviceUnusable(wanted.host_path, f"holds more than {_MOST_DEVICES} devices")
                    yield Device(entry.path, f"{wanted.path}/{below}", wanted.permissions), status


def _is_device(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)


def _kind(status: os.stat_result) -> str:
    return "b" if stat.S_ISBLK(status.st_mode) else "c"


def _file(device: Device, status: os.stat_result) -> Document:
    return {
        "path": device.path,
        "type": _kind(status),
        "major": os.major(status.st_rdev),
        "minor": os.minor(status.st_rdev),
        "fileMode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
    }


def _rule(device: Device, status: os.stat_result) -> Document:
    return {
        "allow": True,
        "type": _kind(status),
        "major": os.major(status.st_rdev),
        "minor": os.minor(status.st_rdev),
        "access": device.permissions,
    }
