"""All that is decided when a container is created. Values only; they last as JSON beside the container.

They begin as what the user says. What the image says is filled in before they are kept: command, environment, user and
the others are those of the container then.
"""

from __future__ import annotations

from oci_spec.json_fields import FieldInvalid
from runner import record_json
from runner.containers.errors import SettingsInvalid
from runner.json_text import JsonInvalid, decode, encode
from runner.network.publications import Publication
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

BIND = "bind"
VOLUME = "volume"
TMPFS = "tmpfs"

HOST = "host"
NONE = "none"
BRIDGE = "bridge"
PRIVATE = "private"
SHAREABLE = "shareable"
CONTAINER = "container:"
"""What stands before the name or the ID of a container whose namespace is shared."""

UNCONFINED = "unconfined"

MISSING = "missing"
ALWAYS = "always"
NEVER = "never"

MIB = 1024 * 1024
DEFAULT_SHM_SIZE = 64 * MIB
DEFAULT_STOP_TIMEOUT_S = 10


class Mount(Record):
    """Something that is mounted at a place of the container's."""

    kind: str
    """BIND, VOLUME or TMPFS."""
    destination: str
    """Absolute in the container, and without `.`, `..` or doubled slashes."""
    source: str = ""
    """BIND: absolute on the host. VOLUME: its name; empty for one without a name, which gets one with the container.
    TMPFS: empty."""
    read_only: bool = False
    propagation: str = ""
    """BIND: `rprivate` and the others; empty for what is usual."""
    recursive: bool = True
    """BIND: whether what is mounted beneath the source comes along."""
    create_source: bool = False
    """BIND: whether a directory is made where the host has no such file."""
    copy: bool = True
    """VOLUME: whether an empty one is filled with what the image has at the place."""
    options: tuple[str, ...] = ()
    """TMPFS: as mount(8) takes them."""


class Device(Record):
    """A device of the host's that the container may use."""

    host_path: str
    path: str
    permissions: str
    """Of `r`, `w` and `m` (mknod)."""


class Ulimit(Record):
    """A limit of setrlimit(2), by its name without RLIMIT_ in small letters; -1 stands for none."""

    name: str
    soft: int
    hard: int


class Resources(Record):
    """Limits of the cgroup. Sizes are bytes; None, or 0 where docker takes it for that, leaves things as they are."""

    memory: int | None = None
    memory_swap: int | None = None
    """Memory and swap together; -1 for as much as there is."""
    memory_reservation: int | None = None
    nano_cpus: int | None = None
    """Billionths of a processor."""
    cpu_shares: int | None = None
    cpu_period_us: int | None = None
    cpu_quota_us: int | None = None
    cpuset_cpus: str | None = None
    cpuset_mems: str | None = None
    pids: int | None = None
    """-1 for any number."""
    blkio_weight: int | None = None


class Namespaces(Record):
    """Whose namespaces the container has, each as docker's words say it."""

    pid: str = PRIVATE
    """PRIVATE, HOST, or CONTAINER with a name or an ID behind it."""
    ipc: str = PRIVATE
    """PRIVATE, SHAREABLE, NONE (without /dev/shm), HOST, or CONTAINER with a name or an ID behind it."""
    uts: str = PRIVATE
    """PRIVATE or HOST."""
    cgroup: str | None = None
    """PRIVATE or HOST; None for what is usual with the host's version of cgroups."""


class Network(Record):
    """How the container is connected, and who answers its questions for names."""

    mode: str = BRIDGE
    """BRIDGE, HOST, NONE, or CONTAINER with a name or an ID behind it."""
    publications: tuple[Publication, ...] = ()
    publish_all: bool = False
    """Whether every exposed port that is not published gets a free one of the host's."""
    exposed_ports: tuple[str, ...] = ()
    """As `80/tcp`."""
    dns_servers: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    added_hosts: tuple[str, ...] = ()
    """As `NAME:ADDRESS`; the address may be `host-gateway`, which is known when the container is connected."""

    @property
    def own_ports(self) -> tuple[str, ...]:
        """The exposed ports, where the container has an address of its own that they are at."""
        return self.exposed_ports if self.mode == BRIDGE else ()


class Security(Record):
    """What the container may do to the host."""

    privileged: bool = False
    capabilities_added: tuple[str, ...] = ()
    """As `CAP_CHOWN`, or `ALL`."""
    capabilities_dropped: tuple[str, ...] = ()
    seccomp: str | None = None
    """A profile as JSON, or UNCONFINED; None for the runner's own."""
    no_new_privileges: bool = False
    unmasked: bool = False
    """Whether nothing of /proc and /sys is hidden or read-only."""


class Log(Record):
    """What is kept of the container's output."""

    driver: str = "json-file"
    """`json-file` or `none`."""
    max_size: int | None = None
    """Bytes of one file, then the next is begun; None for no bound."""
    max_files: int = 1


class Settings(Record):
    """One container."""

    image: str
    """As the user named it."""
    image_id: str | None = None
    """The digest of the image's configuration; None until it is known."""
    name: str | None = None
    """None until one is made up."""
    entrypoint: tuple[str, ...] | None = None
    """None for the image's; empty for none."""
    command: tuple[str, ...] | None = None
    """None for the image's."""
    environment: tuple[str, ...] = ()
    """Each `NAME=value`; a name alone takes the image's variable away."""
    user: str | None = None
    """As `USER[:GROUP]`, names or numbers."""
    added_groups: tuple[str, ...] = ()
    working_directory: str | None = None
    terminal: bool = False
    stdin_open: bool = False
    hostname: str | None = None
    labels: Mapping[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    namespaces: Namespaces = Namespaces()
    network: Network = Network()
    resources: Resources = Resources()
    security: Security = Security()
    devices: tuple[Device, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    sysctls: Mapping[str, str] = {}
    shm_size: int = DEFAULT_SHM_SIZE
    oom_score_adj: int | None = None
    read_only: bool = False
    """Whether the root file system is."""
    init: bool = False
    """Whether a small program is the first process, and reaps what the container's own leaves behind."""
    stop_signal: str | None = None
    """A name with or without SIG, or a number; None for the image's, or SIGTERM."""
    stop_timeout_s: int | None = None
    """None for DEFAULT_STOP_TIMEOUT_S; -1 for any time."""
    log: Log = Log()
    restart: str = "no"
    """There is no other policy yet."""
    remove: bool = False
    """Whether it is removed, with its volumes without a name, when it ends."""
    runtime: str | None = None
    """None for the runner's own; else the name or the path of another OCI runtime."""
    platform: str | None = None
    pull: str = MISSING
    """MISSING, ALWAYS or NEVER."""
    cidfile: str | None = None
    """Where the container's ID is written to."""


def write(settings: Settings) -> str:
    """The settings as JSON, on one line."""
    return encode(record_json.document(settings))


def read(text: str) -> Settings:
    """The settings that `write` wrote.

    Raises:
        SettingsInvalid: it did not.
    """
    try:
        return record_json.record(Settings, decode(text))
    except (JsonInvalid, FieldInvalid) as error:
        raise SettingsInvalid(str(error)) from error
