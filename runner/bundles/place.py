"""Where one container's things are on the host, as far as its bundle names them."""

from __future__ import annotations

from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(Record):
    """One container on the host; all paths are absolute."""

    container: str
    """Its ID."""
    rootfs: str
    """Where its root file system will be when the runtime looks for it."""
    root: int
    """That file system, open; nothing runs in it yet."""
    cgroup: str
    """Its cgroup, beneath the root of each hierarchy: `/moorage-runner/ID`."""
    hosts: str | None = None
    """What becomes /etc/hosts; None for what the image has. The same with the next two."""
    hostname: str | None = None
    resolv_conf: str | None = None
    volumes: Mapping[str, str] = {}
    """The directory of each volume, by the destination of its mount."""
    joined: Mapping[str, int] = {}
    """The first processes of the containers whose namespaces are shared, by the setting that names them: as
    `container:NAME`."""
    joined_shm: str | None = None
    """Where what the container whose ipc namespace is shared has at /dev/shm will be when the runtime looks for it."""
    init: str | None = None
    """The program of `--init`; None without that."""
