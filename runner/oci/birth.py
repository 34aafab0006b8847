"""The first child: it enters the cgroup, makes and joins the namespaces, and is or forks the container's first process.

The order is the kernel's. The cgroup comes first, for it is the host's to give. The user namespace comes next, for it
owns those that are made after it, and gives the right to join others. Then all others at once. Those of processes and
of clocks are for children only, hence a fork; but it can be born in one of processes where nothing has to come before.
"""

from __future__ import annotations

import os

from runner.oci import children, dialogue, initial
from runner.oci.errors import BundleInvalid, CallFailed
from runner.oci.kernel import namespaces, tasks
from runner.oci.program import limits
from runner.oci.spec.linux_parsing import namespace_of_setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import NoReturn

    from runner.cgroups.folders import Folder
    from runner.oci.dialogue import Channel
    from runner.oci.order import Order
    from runner.oci.spec.values import Linux, Namespace, TimeOffset


def kinds_of_birth(linux: Linux) -> tuple[str, ...]:
    """The kinds of new namespaces in which the first child is to be born, if it can be; it is the first process then.

    None where the namespace of processes is another's, or a child has to be in two that are made for it.
    """
    wanted = linux.namespace("pid")
    if wanted is None or wanted.path is not None or linux.namespace("user") or linux.namespace("time"):
        return ()
    return ("pid",)


def run(order: Order, channel: Channel, born_in: Folder | None) -> NoReturn:
    """Do all of it, and end.

    Args:
        order: what the container shall be.
        channel: to the runtime.
        born_in: the folder of the container's cgroup in which this process was born, as `kinds_of_birth` says.
    """
    children.run(channel, lambda: _bear(order, channel, born_in))


def _bear(order: Order, channel: Channel, born_in: Folder | None) -> None:
    process, linux = order.config.process, order.config.linux
    order.cgroup.enter_alone(born_in=born_in)
    if process.oom_score_adj is not None:
        limits.set_oom_score(process.oom_score_adj, lambda text: channel.send(dialogue.WARNING, text))
    limits.raise_limits(process.rlimits)
    _join(linux)
    given = () if born_in is None else kinds_of_birth(linux)
    made = [name.kind for name in linux.namespaces if name.path is None and name.kind not in given]
    if "user" in made:
        namespaces.unshare(["user"])
        channel.ask(dialogue.MAP, str(os.getpid()))
    if linux.namespace("user") is not None:
        _become_root()
    namespaces.unshare(kind for kind in made if kind != "user")
    _set_clocks(linux.time_offsets)
    opened: list[int] | None = None
    if order.sources is not None:
        channel.send(dialogue.SOURCES, str(os.getpid()))
        opened = order.sources.take()
    # Other containers see the child, if they share its namespace of processes (CVE-2016-9962).
    tasks.forbid_dumps()
    if not given:
        if pid := os.fork():
            channel.send(dialogue.PID, str(pid))
            return
        # The runtime has to know this process before it hears of it.
        channel.wait_for_go()
    initial.run(order, channel, opened)


def _join(linux: Linux) -> None:
    # All are opened before the first is joined: in another mount namespace the paths would be others.
    opened = [(namespace, _open(namespace)) for namespace in linux.namespaces if namespace.path is not None]
    for namespace, descriptor in opened:
        _spare_own(namespace.kind, descriptor, linux.sysctls)
    for namespace, descriptor in sorted(opened, key=lambda entry: entry[0].kind != "user"):
        namespaces.join(descriptor, [namespace.kind])
        os.close(descriptor)


def _open(namespace: Namespace) -> int:
    try:
        return os.open(namespace.path or "", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CallFailed("open", namespace.path or "", error) from error


def _spare_own(kind: str, descriptor: int, settings: Mapping[str, str]) -> None:
    """Refuse settings in a namespace that is this process's own, and so most likely the host's."""
    for name in settings:
        if namespace_of_setting(name) == kind and namespaces.is_own(descriptor, kind):
            raise BundleInvalid(f"linux.sysctl: {name!r} would be set in the runtime's own {kind} namespace")


def _become_root() -> None:
    try:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    except OSError as error:
        raise CallFailed("setuid", "0", OSError(error.errno, "the user namespace maps nobody to its root")) from error
    # A change of user hides a process's own files in /proc from it, as they then belong to the host's root: the offsets
    # of clocks among them.
    tasks.allow_dumps()


def _set_clocks(offsets: Iterable[TimeOffset]) -> None:
    lines = "".join(f"{offset.clock} {offset.seconds} {offset.nanoseconds}\n" for offset in offsets)
    if not lines:
        return
    descriptor = os.open("/proc/self/timens_offsets", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, lines.encode())
    except OSError as error:
        raise CallFailed("write", "timens_offsets", error) from error
    finally:
        os.close(descriptor)
