"""What the processes of a container's birth are told by the runtime that forks them."""

from __future__ import annotations

from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.cgroups.group import Cgroup
    from runner.oci.rootfs.sources import Sources
    from runner.oci.spec.values import Config
    from runner.seccomp.preparation import Prepared


class Order(Record):
    """All of it: nothing is read from the bundle a second time."""

    config: Config
    cgroup: Cgroup
    filter: Prepared | None
    """Of system calls."""
    fifo: int
    """The FIFO, open, on which the first process waits for `start`."""
    lock: int
    """The container's, held by the runtime; its children let go of it."""
    console: int | None
    """A connection to whoever gets the terminal's master."""
    preserved: int
    """How many descriptors behind the standard streams the program inherits."""
    new_keyring: bool
    sources: Sources | None
    """Opens what binds show, where the container has a user namespace."""
    state: Mapping[str, object]
    """What hooks are told, but for the status and the process."""
