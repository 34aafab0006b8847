"""What is mounted in a container: the kernel's own file systems, three files of the runner's, and the user's mounts."""

from __future__ import annotations

import os

from runner.bundles.errors import MountSourceMissing
from runner.containers.settings import BIND, CONTAINER, HOST, NONE, TMPFS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.bundles.place import Place
    from runner.containers.settings import Mount, Settings

    Document = dict[str, object]

_SHM = "/dev/shm"  # noqa: S108 - the container's
_INIT = "/sbin/docker-init"
_TMPFS_USUAL = ("noexec", "nosuid", "nodev")


def mounts(settings: Settings, place: Place) -> list[Document]:
    """`mounts`, each after those that it lies in.

    Raises:
        MountSourceMissing: a bind's source is not there, and is not to be made.
    """
    own = {mount.destination: _own(mount, place.volumes) for mount in settings.mounts}
    # Who mounts something where something is usual means it instead; with a /dev of the host's, all that is in it.
    kept = [
        document
        for document in _usual(settings, place)
        if document["destination"] not in own
        and not ("/dev" in own and str(document["destination"]).startswith("/dev/"))
    ]
    files = [document for document in _files(settings, place) if document["destination"] not in own]
    # The files, too, are mounted after a volume at the directory that they are in: it would hide them.
    return kept + sorted([*own.values(), *files], key=lambda document: str(document["destination"]).count("/"))


def propagation(settings: Settings) -> str | None:
    """How the root has to propagate, so that a bind can as it is asked to; None where none asks."""
    words = {mount.propagation.removeprefix("r") for mount in settings.mounts if mount.kind == BIND}
    return next((word for word in ("shared", "slave") if word in words), None)


def _usual(settings: Settings, place: Place) -> list[Document]:
    writable = ["rw"] if settings.security.privileged else ["ro"]
    return [
        _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
        ),
        _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", *writable),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", *writable, "nosuid", "noexec", "nodev"),
        _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        *_shared_memory(settings, place),
    ]


def _files(settings: Settings, place: Place) -> list[Document]:
    files = (("/etc/resolv.conf", place.resolv_conf), ("/etc/hostname", place.hostname), ("/etc/hosts", place.hosts))
    only_read = ["ro"] if settings.read_only else []
    found = [_mount(path, "bind", source, "bind", "rprivate", *only_read) for path, source in files if source]
    if place.init is not None:
        found.append(_mount(_INIT, "bind", place.init, "bind", "rprivate", "ro", "nosuid", "nodev"))
    return found


def _shared_memory(settings: Settings, place: Place) -> list[Document]:
    mode = settings.namespaces.ipc
    if mode == NONE:
        return []
    if mode == HOST or mode.startswith(CONTAINER):
        source = _SHM if mode == HOST else place.joined_shm
        return [_mount(_SHM, "bind", source, "rbind", "rprivate")] if source else []
    return [_mount(_SHM, "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", f"size={settings.shm_size}")]


def _own(mount: Mount, volumes: Mapping[str, str]) -> Document:
    if mount.kind == TMPFS:
        return _mount(mount.destination, "tmpfs", "tmpfs", *_TMPFS_USUAL, *mount.options)
    read_only = ["ro", "rro"] if mount.read_only else []
    if mount.kind == BIND:
        _require_source(mount)
        kind = "rbind" if mount.recursive else "bind"
        return _mount(mount.destination, "bind", mount.source, kind, mount.propagation or "rprivate", *read_only)
    return _mount(mount.destination, "bind", volumes[mount.destination], "rbind", "rprivate", *read_only)


def _require_source(mount: Mount) -> None:
    if os.path.exists(mount.source):
        return
    if not mount.create_source:
        raise MountSourceMissing(mount.source)
    os.makedirs(mount.source, mode=0o755, exist_ok=True)


def _mount(destination: str, kind: str, source: str, *options: str) -> Document:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}
