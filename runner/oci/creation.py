"""Making a container, up to the point where only its program is left to be executed."""

from __future__ import annotations

import os
import time

from runner.cgroups import group, hierarchies
from runner.cgroups.errors import CgroupExists
from runner.cgroups.resource_parsing import parse_resources
from runner.errors import RunnerError
from runner.oci import birth, children, containers, device_rules, dialogue, hooks, processes, status, user_maps
from runner.oci.bundles import read_config_text
from runner.oci.containers import Container, State
from runner.oci.errors import FeatureMissing, UsageInvalid
from runner.oci.kernel import tasks
from runner.oci.order import Order
from runner.oci.program import labels, terminal
from runner.oci.spec.config_parsing import parse_config
from runner.records import Record
from runner.seccomp.preparation import prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.cgroups.group import Cgroup
    from runner.cgroups.hierarchies import Host
    from runner.cgroups.resources import Resources
    from runner.oci.log import Log
    from runner.oci.rootfs.sources import Sources
    from runner.oci.spec.values import Config
    from runner.seccomp.preparation import Prepared

_CGROUP_PARENT = "/moorage"


class Wish(Record):
    """What is asked for."""

    container: str
    root: str
    """Where the runtime keeps its containers."""
    bundle: str
    console_socket: str | None
    pid_file: str | None
    preserved: int
    new_keyring: bool
    config: str | None = None
    """The text of the bundle's config.json, from whoever has just written it."""
    host: Host | None = None
    """The hierarchies of cgroups, from whoever has just looked at them."""
    meanwhile: Callable[[], None] | None = None
    """What the caller has to do while the container's first process does its part."""


class Made(Record):
    """A container that this process has made, and all that there is to know of it."""

    container: Container
    state: State
    config: Config


def create(wish: Wish, log: Log) -> Made:
    """Make a container. Either it is there afterwards, in the state `created`, or nothing of it.

    Raises:
        RunnerError: something cannot be had.
    """
    bundle = os.path.abspath(wish.bundle)
    text = wish.config or read_config_text(bundle)
    config = parse_config(text, bundle)
    _check(config, wish)
    state = _first_state(wish, bundle, config)
    container, lock = containers.make(wish.root, state, text)
    try:
        state = _make(container, state, config, wish=wish, log=log, lock=lock)
        if wish.pid_file is not None:
            write_pid(wish.pid_file, state.pid)
    except BaseException:
        container.remove()
        raise
    finally:
        os.close(lock)
    return Made(container, state, config)


def cgroup_path(container: str, config: Config) -> str:
    """The container's cgroup in every hierarchy: as the configuration says, beneath the root, or one of our own."""
    path = config.linux.cgroups_path
    if not path:
        return f"{_CGROUP_PARENT}/{container}"
    return path if path.startswith("/") else f"/{path}"


def _check(config: Config, wish: Wish) -> None:
    if config.linux.mount_label is not None:
        raise FeatureMissing("linux.mountLabel", "labels of mounts are not built into this runtime")
    labels.check(config.process)
    if config.process.terminal and wish.console_socket is None:
        raise UsageInvalid("the process has a terminal, so --console-socket is needed")
    if not config.process.terminal and wish.console_socket is not None:
        raise UsageInvalid("--console-socket is given, but the process has no terminal")


def _first_state(wish: Wish, bundle: str, config: Config) -> State:
    return State(
        container=wish.container,
        version=config.version,
        bundle=bundle,
        root=config.root.path,
        annotations=config.annotations,
        cgroup=cgroup_path(wish.container, config),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        owner=os.geteuid(),
        pid=0,
        started=0,
        maker=os.getpid(),
        maker_started=processes.start_time(os.getpid()),
        new_keyring=wish.new_keyring,
    )


def _make(container: Container, state: State, config: Config, *, wish: Wish, log: Log, lock: int) -> State:
    resources = parse_resources(config.linux.resources)
    for warning in resources.warnings:
        log.warning(warning)
    host = wish.host or hierarchies.detect()
    cgroup = _new_cgroup(host, state.cgroup, device_rules.complete(resources))
    try:
        filtering = prepare_filter(config, wish.root, log)
        # A FIFO that is open for both waits for a writer, also while there is none.
        fifo = os.open(container.fifo, os.O_RDWR | os.O_CLOEXEC)
        console = None if wish.console_socket is None else terminal.connect(wish.console_socket)
        order = Order(
            config=config,
            cgroup=cgroup,
            filter=filtering,
            fifo=fifo,
            lock=lock,
            console=console,
            preserved=wish.preserved,
            new_keyring=wish.new_keyring,
            sources=_sources(config),
            state=status.state_for_hooks(state, status.CREATING),
        )
        made = _converse(order, container, state, log=log, meanwhile=wish.meanwhile)
        os.close(fifo)
        return made
    except BaseException:
        _undo(cgroup)
        raise


def _new_cgroup(host: Host, path: str, resources: Resources) -> Cgroup:
    try:
        return group.create(host, path, resources)
    except CgroupExists:
        # Of a container whose end nobody saw. What processes are in belongs to somebody.
        left = group.find(host, path)
        if left.processes():
            raise
        left.delete()
        return group.create(host, path, resources)


def prepare_filter(config: Config, root: str, log: Log) -> Prepared | None:
    """The filter of system calls that a configuration asks for; compiled ones are remembered beneath `root`.

    Raises:
        SeccompError: it is none.
    """
    if config.linux.seccomp is None:
        return None
    prepared = prepare(config.linux.seccomp, f"{root}/.seccomp")
    for warning in prepared.warnings:
        log.warning(warning)
    return prepared


def _sources(config: Config) -> Sources | None:
    """What opens the sources of binds, where the container's first process might not reach them."""
    if config.linux.namespace("user") is None or config.linux.namespace("mount") is None:
        return None
    # Only here: few containers have user namespaces. Children load nothing.
    from runner.oci.rootfs import mounting, sources

    return sources.Sources([mount for mount in config.mounts if mounting.is_bind(mount)])


def _converse(
    order: Order, container: Container, state: State, *, log: Log, meanwhile: Callable[[], None] | None
) -> State:
    """Fork, and do what the children ask for, until the container is created."""
    # The container's first process is a grandchild; it is ours to wait for if it ends now.
    tasks.adopt_orphans()
    ours, theirs = dialogue.pair()
    kinds = birth.kinds_of_birth(order.config.linux)
    child, born_in = children.fork(order.cgroup, kinds)
    if child == 0:
        ours.close()
        # It would be held as long as any process has it open.
        os.close(order.lock)
        birth.run(order, theirs, born_in)
    theirs.close()
    pid = child if born_in is not None and kinds else 0
    created = None
    while True:
        if pid and created is None:
            # What can be done before it answers: there is time now.
            created = state._replace(pid=pid, started=processes.start_time(pid))
            container.prepare_state(created)
            if meanwhile is not None:
                meanwhile()
        kind, text = ours.listen(log.warning)
        if kind == dialogue.MAP:
            user_maps.write(int(text), order.config.linux)
            ours.send(dialogue.GO)
        elif kind == dialogue.SOURCES and order.sources is not None:
            order.sources.open_in(int(text))
        elif kind == dialogue.PID:
            pid = int(text)
            ours.send(dialogue.GO)
            # It ends while the container's first process goes on, which is this one's child when it has.
            os.waitpid(child, 0)
        elif kind == dialogue.HOOKS:
            _run_hooks(order, state._replace(pid=pid))
            ours.send(dialogue.GO, str(pid))
        elif kind == dialogue.CREATED and created is not None:
            container.publish_state()
            # Only now: were this process killed before, the first process would end, and the state be as true as ever.
            ours.send(dialogue.GO)
            ours.close()
            return created


def _run_hooks(order: Order, state: State) -> None:
    for point in ("prestart", "createRuntime"):
        hooks.run(point, order.config.hooks.get(point, ()), status.state_for_hooks(state, status.CREATING))


def _undo(cgroup: Cgroup) -> None:
    try:
        cgroup.kill()
        while True:
            os.waitpid(-1, 0)
    except (ChildProcessError, RunnerError):
        pass
    try:
        cgroup.delete()
    except RunnerError:
        return


def write_pid(path: str, pid: int) -> None:
    """Write the number of a process to a file, which is there as a whole or not at all."""
    hidden = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}")
    descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    os.write(descriptor, str(pid).encode())
    os.close(descriptor)
    os.rename(hidden, path)
