"""`linux.namespaces`: which are the container's own, which another container's, and which the host's."""

from __future__ import annotations

from runner.bundles.errors import NamespaceUnreachable
from runner.containers.settings import CONTAINER, HOST, PRIVATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.containers.settings import Settings

    Document = dict[str, object]

# The specification's names, and the kernel's for the same in /proc/PID/ns.
_FILES = {"pid": "pid", "ipc": "ipc", "network": "net"}


def namespaces(settings: Settings, joined: Mapping[str, int]) -> list[Document]:
    """The namespaces of a container; what is not listed is the host's.

    Args:
        settings: its settings.
        joined: the first processes of other containers, by the setting that names them.

    Raises:
        NamespaceUnreachable: one of them is not there.
    """
    spaces = settings.namespaces
    modes = {
        "pid": spaces.pid,
        "ipc": spaces.ipc,
        "network": settings.network.mode,
        "uts": spaces.uts,
        "cgroup": cgroup_mode(settings),
        "mount": PRIVATE,
    }
    return [_namespace(kind, mode, joined) for kind, mode in modes.items() if mode != HOST]


def cgroup_mode(settings: Settings) -> str:
    """Whose cgroups the container sees: its own, unless it is to see all of the host."""
    if settings.namespaces.cgroup is not None:
        return settings.namespaces.cgroup
    return HOST if settings.security.privileged else PRIVATE


def _namespace(kind: str, mode: str, joined: Mapping[str, int]) -> Document:
    if not mode.startswith(CONTAINER):
        return {"type": kind}
    if mode not in joined:
        raise NamespaceUnreachable(mode, "it does not run")
    return {"type": kind, "path": f"/proc/{joined[mode]}/ns/{_FILES[kind]}"}
