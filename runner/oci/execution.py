"""Executing a further program in a running container, on the runtime's side."""

from __future__ import annotations

import os

from runner.cgroups import group, hierarchies
from runner.oci import children, dialogue, joining, waiting
from runner.oci.containers import Container
from runner.oci.creation import prepare_filter, write_pid
from runner.oci.errors import ContainerStateWrong, UsageInvalid
from runner.oci.joining import ExecOrder, Target
from runner.oci.kernel import namespaces, tasks
from runner.oci.processes import is_alive
from runner.oci.program import labels, terminal
from runner.oci.status import CREATED, RUNNING, status
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cgroups.folders import Folder
    from runner.oci.dialogue import Channel
    from runner.oci.log import Log
    from runner.oci.spec.values import Config, Process


class ExecWish(Record):
    """What the command line asks for."""

    process: Process
    console_socket: str | None
    pid_file: str | None = None
    preserved: int = 0
    detach: bool = False


def confined(process: Process, own: Process) -> Process:
    """A process that a file describes; what the file does not say of its bounds is as for the container's own."""
    return process._replace(
        capabilities=process.capabilities or own.capabilities,
        rlimits=process.rlimits or own.rlimits,
        apparmor_profile=process.apparmor_profile or own.apparmor_profile,
        selinux_label=process.selinux_label or own.selinux_label,
    )


def look(container: Container, config: Config, root: str, log: Log) -> Target:
    """Look at a container that something is to be executed in, whatever that is.

    Args:
        container: which one.
        config: its configuration.
        root: where the runtime keeps its containers.
        log: told of what the filter of system calls has to go without.

    Raises:
        ContainerStateWrong: the container does not run.
        RunnerError: something cannot be had.
    """
    state = container.read_state()
    word = status(container, state)
    if word not in {CREATED, RUNNING}:
        raise ContainerStateWrong(container.container, word, "exec in")
    init = os.pidfd_open(state.pid)
    if not is_alive(state.pid, state.started):
        raise ContainerStateWrong(container.container, "stopped", "exec in")
    return Target(
        cgroup=group.find(hierarchies.detect(), state.cgroup),
        filter=prepare_filter(config, root, log),
        init=init,
        kinds=_foreign(state.pid),
        root=_root_of(state.pid, config),
        new_keyring=state.new_keyring,
    )


def execute(target: Target, wish: ExecWish, log: Log) -> int:
    """Execute a program; the answer is its exit status, or 0 as soon as it is executed if it is let go.

    Raises:
        RunnerError: something cannot be had.
    """
    pid = _converse(prepare(target, wish), log)
    if wish.pid_file is not None:
        write_pid(wish.pid_file, pid)
    return 0 if wish.detach else waiting.until_end(pid)


def prepare(target: Target, wish: ExecWish) -> ExecOrder:
    """What the children are told, with what only the host has.

    Raises:
        RunnerError: something cannot be had.
    """
    if wish.process.terminal and wish.console_socket is None:
        raise UsageInvalid("the process has a terminal, so --console-socket is needed")
    labels.check(wish.process)
    console = None if wish.console_socket is None else terminal.connect(wish.console_socket)
    return ExecOrder(wish.process, target, console, wish.preserved)


def _foreign(pid: int) -> tuple[str, ...]:
    """The kinds of namespaces that a process does not share with this one: the kernel refuses to enter one's own."""
    own = namespaces.existing()
    return tuple(kind for kind, identity in namespaces.existing(pid).items() if own.get(kind) != identity)


def _root_of(pid: int, config: Config) -> int | None:
    if config.linux.namespace("mount") is not None:
        return None
    return os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _converse(order: ExecOrder, log: Log) -> int:
    tasks.adopt_orphans()
    ours, theirs = dialogue.pair()
    child, born_in = children.fork(order.target.cgroup)
    if child == 0:
        ours.close()
        children.run(theirs, lambda: _join(order, theirs, born_in))
    theirs.close()
    pid = 0
    try:
        while True:
            kind, text = ours.listen(log.warning)
            if kind == dialogue.CREATED:
                waiting.pass_signals_on(pid)
            ours.send(dialogue.GO)
            if kind == dialogue.PID:
                # It ends while the program's process goes on, which is this one's child as well.
                pid = int(text)
                os.waitpid(child, 0)
            if kind == dialogue.CREATED:
                ours.wait_for_end()
                return pid
    finally:
        ours.close()


def _join(order: ExecOrder, channel: Channel, born_in: Folder | None) -> None:
    joining.enter_cgroup(order.target, born_in)
    joining.enter(order, channel)
