"""Executing a further program in a container: the runtime's children enter it and become that program.

As in the making of a container there are two: the first enters the cgroup and the namespaces, the second, born in the
container's namespace of processes, becomes the program. It is a child of the first one's parent, who waits for it. The
file that they execute until then cannot be written to (`protection`).
"""

from __future__ import annotations

import os

from runner.oci import children, dialogue
from runner.oci.errors import CallFailed
from runner.oci.kernel import forking, namespaces, tasks
from runner.oci.program import becoming, labels, limits, terminal
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from runner.cgroups.folders import Folder
    from runner.cgroups.group import Cgroup
    from runner.oci.spec.values import Process
    from runner.seccomp.preparation import Prepared

    class Caller(Protocol):
        """Whoever has it executed, as the children speak to it: a `Channel` to the runtime is one."""

        def send(self, kind: str, text: str = "") -> None:
            """Say something."""

        def wait_for_go(self) -> object:
            """Come back when it knows of the second child, which says so."""

        def ask(self, kind: str, text: str = "") -> None:
            """Say something, and come back when it has done what it has to."""

        def leave_to_end(self) -> None:
            """Let it see when the program is executed."""


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


def enter_cgroup(target: Target, born_in: Folder | None) -> None:
    """What the first child does first, which may have been born in a folder of the cgroup, whatever is to be executed.

    Raises:
        RunnerError, OSError: it cannot.
    """
    # Before it can be seen by anybody in the container.
    tasks.forbid_dumps()
    target.cgroup.enter_alone(born_in=born_in, beside=target.init)


def enter(order: ExecOrder, caller: Caller) -> None:
    """What it does then: enter all else, fork, and end.

    Raises:
        RunnerError, OSError: it cannot.
    """
    if order.process.oom_score_adj is not None:
        limits.set_oom_score(order.process.oom_score_adj, lambda text: caller.send(dialogue.WARNING, text))
    limits.raise_limits(order.process.rlimits)
    proc = labels.open_proc()
    if order.target.kinds:
        namespaces.join(order.target.init, order.target.kinds)
    if order.target.root is not None:
        os.fchdir(order.target.root)
        os.chroot(".")
    if "user" in order.target.kinds:
        _become_root()
    pid = forking.fork_sibling()
    if pid == 0:
        children.run(caller, lambda: _begin(order, proc, caller))
    caller.send(dialogue.PID, str(pid))


def _begin(order: ExecOrder, proc: int, caller: Caller) -> None:
    chosen = labels.open_all(order.process, proc)
    caller.wait_for_go()
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
    program = becoming.prepare(order.process, means, lambda text: caller.send(dialogue.WARNING, text))
    caller.ask(dialogue.CREATED)
    # That it closes tells the runtime that the program is executed.
    caller.leave_to_end()
    becoming.become(program)


def _become_root() -> None:
    try:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    except OSError as error:
        raise CallFailed("setuid", "0", error) from error
