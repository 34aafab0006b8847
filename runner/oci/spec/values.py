"""A container's configuration, as the runtime specification means it ("Configuration"). Values only."""

from __future__ import annotations

from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.oci.spec.mount_options import MountOptions


class Root(Record):
    """The container's root file system."""

    path: str
    """Absolute on the host."""
    read_only: bool


class IdRange(Record):
    """A range of user or group IDs and what they are to the host."""

    container: int
    host: int
    size: int


class Mount(Record):
    """One mount. The source of a bind is absolute."""

    destination: str
    kind: str
    source: str
    options: MountOptions


class User(Record):
    """Whom the program runs as, in the container's own numbers."""

    uid: int
    gid: int
    umask: int | None
    additional_gids: tuple[int, ...]


class Capabilities(Record):
    """The five sets; names without a meaning here have been taken out."""

    bounding: frozenset[int]
    effective: frozenset[int]
    inheritable: frozenset[int]
    permitted: frozenset[int]
    ambient: frozenset[int]
    unknown: tuple[str, ...]
    """Names that this runtime does not know."""


class Rlimit(Record):
    """One limit of setrlimit(2)."""

    name: str
    kind: int
    soft: int
    hard: int


class IoPriority(Record):
    """The program's share of disks."""

    scheduling_class: int
    priority: int


class Scheduler(Record):
    """How the program is scheduled (sched_setattr(2)). Times are nanoseconds."""

    policy: int
    nice: int
    priority: int
    flags: int
    runtime: int
    deadline: int
    period: int


class Process(Record):
    """The container's program and what it may do."""

    terminal: bool
    console_size: tuple[int, int] | None
    """Rows and columns."""
    user: User
    arguments: tuple[str, ...]
    environment: tuple[str, ...]
    cwd: str
    capabilities: Capabilities | None
    rlimits: tuple[Rlimit, ...]
    no_new_privileges: bool
    apparmor_profile: str | None
    selinux_label: str | None
    oom_score_adj: int | None
    io_priority: IoPriority | None
    scheduler: Scheduler | None


class Hook(Record):
    """A program that is told of a point in the container's life."""

    path: str
    arguments: tuple[str, ...]
    environment: tuple[str, ...]
    timeout_s: int | None


class Namespace(Record):
    """A namespace to make, or to join where there is a path."""

    kind: str
    path: str | None


class TimeOffset(Record):
    """How far a clock of the container's is ahead of the host's."""

    clock: str
    seconds: int
    nanoseconds: int


class Device(Record):
    """A device file."""

    path: str
    kind: str
    """`b`, `c` or `p`."""
    major: int
    minor: int
    mode: int
    uid: int
    gid: int


class Linux(Record):
    """What only Linux has."""

    namespaces: tuple[Namespace, ...]
    uid_mappings: tuple[IdRange, ...]
    gid_mappings: tuple[IdRange, ...]
    time_offsets: tuple[TimeOffset, ...]
    devices: tuple[Device, ...]
    cgroups_path: str
    resources: Mapping[str, object]
    sysctls: Mapping[str, str]
    seccomp: Mapping[str, object] | None
    root_propagation: str
    masked_paths: tuple[str, ...]
    read_only_paths: tuple[str, ...]
    mount_label: str | None
    personality: int | None

    def namespace(self, kind: str) -> Namespace | None:
        """The namespace of a kind; None where the container has the runtime's own."""
        return next((namespace for namespace in self.namespaces if namespace.kind == kind), None)


class Config(Record):
    """One container."""

    version: str
    root: Root
    process: Process
    hostname: str | None
    domainname: str | None
    mounts: tuple[Mount, ...]
    hooks: Mapping[str, tuple[Hook, ...]]
    """By their point: `prestart`, `createRuntime`, `createContainer`, `startContainer`, `poststart`, `poststop`."""
    annotations: Mapping[str, str]
    linux: Linux
