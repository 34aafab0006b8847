"""From a container's settings to the config.json of its bundle, for any OCI runtime (runtime-spec, "Configuration").

What an image says reaches this only by the settings. None of its labels becomes an annotation, and nothing becomes a
hook: those steer programs of the host's (CVE-2026-53488).
"""

from __future__ import annotations

from runner.bundles import capabilities
from runner.bundles.devices import devices
from runner.bundles.filters import seccomp
from runner.bundles.mounts import mounts, propagation
from runner.bundles.namespaces import namespaces
from runner.bundles.process import hostname_of, process
from runner.bundles.resources import resources
from runner.containers.settings import CONTAINER, HOST
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.bundles.facts import Facts
    from runner.bundles.place import Place
    from runner.containers.settings import Settings

_VERSION = "1.0.2"
_MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
    "/sys/firmware",
)  # fmt: skip
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
# As docker has it: each network of a container's own is one in which there is nobody to protect from its users.
_USUAL_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}


class Bundle(Record):
    """What a bundle's config.json says, and what the user ought to know of it."""

    document: Mapping[str, object]
    warnings: tuple[str, ...]


def make(settings: Settings, place: Place, facts: Facts) -> Bundle:
    """The bundle of a container whose settings have been merged with its image's.

    Makes the sources of binds that are missing and to be made, and nothing else.

    Raises:
        BundleError: it cannot be as it shall.
    """
    hostname = hostname_of(settings, place.container, facts)
    program, warnings = process(settings, place, facts, hostname)
    linux, more = _linux(settings, place, facts)
    document: dict[str, object] = {
        "ociVersion": _VERSION,
        "process": program,
        "root": {"path": place.rootfs, "readonly": settings.read_only},
        "mounts": mounts(settings, place),
        "linux": linux,
    }
    if settings.namespaces.uts != HOST:
        document["hostname"] = hostname
    network = settings.network
    if network.mode == HOST and (network.publications or network.publish_all):
        more.append("Published ports are discarded when using host network mode")
    return Bundle(document, tuple(warnings + more))


def _linux(settings: Settings, place: Place, facts: Facts) -> tuple[dict[str, object], list[str]]:
    limits, warnings = resources(settings.resources, facts)
    files, rules = devices(settings)
    linux: dict[str, object] = {
        "cgroupsPath": place.cgroup,
        "namespaces": namespaces(settings, place.joined),
        "resources": {**limits, "devices": rules},
    }
    if files:
        linux["devices"] = files
    if sysctls := _sysctls(settings):
        linux["sysctl"] = sysctls
    if not (settings.security.privileged or settings.security.unmasked):
        linux["maskedPaths"] = list(_MASKED)
        linux["readonlyPaths"] = list(_READ_ONLY)
    names, _ = capabilities.in_order(capabilities.choose(settings.security), facts.capabilities)
    if (filter_ := seccomp(settings.security, frozenset(names), facts)) is not None:
        linux["seccomp"] = filter_
    if (word := propagation(settings)) is not None:
        linux["rootfsPropagation"] = word
    return linux, warnings


def _sysctls(settings: Settings) -> dict[str, str]:
    mode = settings.network.mode
    usual = {} if mode == HOST or mode.startswith(CONTAINER) else _USUAL_SYSCTLS
    return {**usual, **settings.sysctls}
