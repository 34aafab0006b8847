"""Which capabilities a container has: docker's usual ones, and what flags add and take."""

from __future__ import annotations

from runner.oci.spec.capability_names import NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.settings import Security

ALL = "ALL"

USUAL: tuple[str, ...] = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
)  # fmt: skip
"""What a container has when nobody says otherwise."""


def choose(security: Security) -> frozenset[str]:
    """The capabilities that are asked for. What is dropped by its name stays dropped whatever is added."""
    added, dropped = {*security.capabilities_added}, {*security.capabilities_dropped}
    if security.privileged:
        return frozenset(NAMES)
    if ALL in added:
        return frozenset(NAMES) - dropped
    if ALL in dropped:
        return frozenset(added)
    return (frozenset(USUAL) - dropped) | added


def in_order(names: frozenset[str], available: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Those of the names that the host can give, and those that it cannot, each in the order of their numbers."""
    return (
        [name for name in NAMES if name in names and name in available],
        [name for name in NAMES if name in names and name not in available],
    )
