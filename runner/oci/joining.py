"""Executing a further program in a container: the runtime's children enter it and become that program.

As in the making of a container there are two: the first enters the cgroup and the namespaces, the second, a child in
the container's namespace of processes, becomes the program. The file that they execute until then cannot be written to
(`protection`).
"""

from __future__ import annotations

import os

from runner.oci import children, dialogue
from runner.oci.errors import CallFailed
from runner.oci.kernel import namespaces, tasks
from runner.oci.program import becoming, labels, limits, terminal
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from runner.cgroups.folders import Folder
    from runner.cgroups.group import Cgroup
    from runner.oci.dialogue import Channel
    from runner.oci.spec.values import Process
    from runner.seccomp.preparation import Prepared


class Target(Record):
    """A container that runs, as it is to be entered."""

    cgroup: Cgroup
    filter: Prepared | None
    init: int
    """A descriptor of the container's first process."""
    kinds: tuple[str, ...]
    """The namespaces that are not the runtime's own."""
    root: int | None
    """The container's root, open, where it shares the runtime's mount namespace."""
    new_keyring: bool
    """Whether it was made with keys of its own; then each of its programs has such."""


class ExecOrder(Record):
    """What the children are told."""

    process: Process
    target: Target
    console: int | None
    """A connection to whoever gets the terminal's master."""
    preserved: int


def run(order: ExecOrder, channel: Channel, born_in: Folder | None) -> NoReturn:
    """The first child, which may have been born in a folder of the cgroup: enter all, fork, and end."""
    children.run(channel, lambda: _enter(order, channel, born_in))


def _enter(order: ExecOrder, channel: Channel, born_in: Folder | None) -> None:
    # Before it can be seen by anybody in the container.
    tasks.forbid_dumps()
    order.target.cgroup.enter_alone(born_in=born_in, beside=order.target.init)
    if order.process.oom_score_adj is not None:
        limits.set_oom_score(order.process.oom_score_adj, lambda text: channel.send(dialogue.WARNING, text))
    limits.raise_limits(order.process.rlimits)
    proc = labels.open_proc()
    if order.target.kinds:
        namespaces.join(order.target.init, order.target.kinds)
    if order.target.root is not None:
        os.fchdir(order.target.root)
        os.chroot(".")
    if "user" in order.target.kinds:
        _become_root()
    pid = os.fork()
    if pid == 0:
        children.run(channel, lambda: _begin(order, proc, channel))
    channel.send(dialogue.PID, str(pid))


def _begin(order: ExecOrder, proc: int, channel: Channel) -> None:
    chosen = labels.open_all(order.process, proc)
    channel.wait_for_go()
    os.setsid()
    console = None
    if order.console is not None:
        root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        console = terminal.create(root)
        if order.process.console_size is not None:
            console.resize(order.process.console_size)
        console.hand_over(order.console)
        os.close(root)
    means = becoming.Means(console, chosen, order.target.filter, order.preserved, order.target.new_keyring)
    program = becoming.prepare(order.process, means, lambda text: channel.send(dialogue.WARNING, text))
    channel.ask(dialogue.CREATED)
    # That it closes tells the runtime that the program is executed.
    channel.leave_to_end()
    becoming.become(program)


def _become_root() -> None:
    try:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    except OSError as error:
        raise CallFailed("setuid", "0", error) from error
