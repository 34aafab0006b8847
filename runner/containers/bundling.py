"""A container's bundle: its settings, its place and what the host is, as the config.json that the runtime reads."""

from __future__ import annotations

from runner import text_files
from runner.bundles import facts, init_program, making, shared_memory
from runner.bundles.errors import NamespaceUnreachable
from runner.bundles.place import Place as BundlePlace
from runner.bundles.process import hostname_of
from runner.containers import etc, finding, records, status
from runner.containers.errors import ContainerError
from runner.containers.settings import CONTAINER, NONE, PRIVATE
from runner.containers.volumes import Volumes
from runner.json_text import encode
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container
    from runner.containers.settings import Settings


class Written(Record):
    """What there is to know of a bundle that was written."""

    warnings: tuple[str, ...]
    """For the user."""
    shm: int | None
    """A detached mount that has to be at the place `shm` while the container is made; None where there is none."""


def write(folders: Folders, place: Place, container: Container, root: int) -> Written:
    """Write the bundle of a container whose root is open, and the files of /etc that it gets.

    Raises:
        RunnerError: no bundle can be made.
    """
    settings = container.settings
    host = facts.look()
    joined = _joined(folders, settings)
    shared = settings.namespaces.ipc
    etc.write(place, container, hostname_of(settings, container.id, host))
    sharing = _sharing(folders, settings)
    bundle = making.make(
        settings,
        BundlePlace(
            container=container.id,
            rootfs=place.rootfs,
            root=root,
            cgroup=place.cgroup,
            hosts=(sharing or place).hosts,
            hostname=(sharing or place).hostname,
            resolv_conf=(sharing or place).resolv_conf,
            volumes=Volumes(folders.volumes).fill(settings.mounts, root),
            joined=joined,
            joined_shm=place.shm if shared in joined else None,
            init=init_program.find() if settings.init else None,
        ),
        host,
    )
    text_files.write(place.config, encode(bundle.document), 0o644)
    # Last: it is open from here on.
    shm = shared_memory.copy_of(joined[shared], shared) if shared in joined else None
    return Written(bundle.warnings, shm)


def _joined(folders: Folders, settings: Settings) -> dict[str, int]:
    """The first processes of the containers whose namespaces are shared, by the setting that names them."""
    if settings.namespaces.ipc.startswith(CONTAINER):
        _check_shareable(folders, settings.namespaces.ipc)
    modes = {settings.network.mode, settings.namespaces.pid, settings.namespaces.ipc}
    return {mode: _first_process(folders, mode) for mode in modes if mode.startswith(CONTAINER)}


def _check_shareable(folders: Folders, mode: str) -> None:
    """Refuse the shared memory of a container that nobody has made to share it, as docker does."""
    try:
        other = records.read(finding.find(folders, mode.removeprefix(CONTAINER)))
    except ContainerError as error:
        raise NamespaceUnreachable(mode, str(error)) from error
    if other.settings.namespaces.ipc in {PRIVATE, NONE}:
        raise NamespaceUnreachable(mode, "non-shareable IPC (hint: use --ipc=shareable for it)")


def _first_process(folders: Folders, mode: str) -> int:
    try:
        other = finding.find(folders, mode.removeprefix(CONTAINER))
        running = records.running(other) if status.of(other) == status.RUNNING else None
    except ContainerError as error:
        raise NamespaceUnreachable(mode, str(error)) from error
    if running is None:
        raise NamespaceUnreachable(mode, "it does not run")
    return running.pid


def _sharing(folders: Folders, settings: Settings) -> Place | None:
    """The container whose network, and so whose names and addresses, this one has."""
    mode = settings.network.mode
    return finding.find(folders, mode.removeprefix(CONTAINER)) if mode.startswith(CONTAINER) else None
