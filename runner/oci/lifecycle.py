"""What happens to a container that was made: started, signalled, paused, deleted (runtime-spec, "Lifecycle")."""

from __future__ import annotations

import errno
import os
import select
import time

from runner.cgroups import group, hierarchies
from runner.oci import hooks, signals
from runner.oci.containers import Container
from runner.oci.errors import ContainerStateWrong, ContainerUnknown, HookFailed
from runner.oci.processes import is_alive
from runner.oci.status import CREATED, CREATING, PAUSED, RUNNING, STOPPED, state_for_hooks, status
from runner.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.cgroups.group import Cgroup
    from runner.oci.containers import State
    from runner.oci.creation import Made
    from runner.oci.log import Log
    from runner.oci.spec.values import Hook

_DEATH_TIMEOUT_S = 10.0


def start(container: Container, log: Log) -> None:
    """Have a created container execute its program; come back when it does.

    Raises:
        ContainerStateWrong: it is not created, or was started before.
    """
    lock = container.lock()
    try:
        state = container.read_state()
        _require(container, state, "start", {CREATED})
        _let_go(container)
        config = container.read_config()
    finally:
        os.close(lock)
    _tell("poststart", config.hooks.get("poststart", ()), state_for_hooks(state, RUNNING), log)


def start_made(made: Made, log: Log) -> None:
    """Do so with a container that this process has made, and nobody else knows of: nothing of it is read again.

    Raises:
        ContainerStateWrong: it has ended.
    """
    _let_go(made.container)
    _tell("poststart", made.config.hooks.get("poststart", ()), state_for_hooks(made.state, RUNNING), log)


def send_signal(container: Container, number: int) -> None:
    """Send a signal to the container's first process.

    Raises:
        ContainerStateWrong: it has ended.
    """
    state = container.read_state()
    _require(container, state, "kill", {CREATED, RUNNING, PAUSED})
    if not signals.send(state.pid, state.started, number):
        raise ContainerStateWrong(container.container, STOPPED, "kill")
    if number == signal.SIGKILL and _cgroup(state).is_frozen():
        # Version 1 lets a frozen process die only when it goes on.
        _cgroup(state).thaw()


def send_signal_to_all(container: Container, number: int) -> None:
    """Send a signal to all processes in the container's cgroup; there may be none."""
    state = container.read_state()
    cgroup = _cgroup(state)
    if number == signal.SIGKILL:
        cgroup.kill()
    else:
        cgroup.send(number)


def pause(container: Container) -> None:
    """Let all processes stand.

    Raises:
        ContainerStateWrong: none is to be expected.
    """
    state = container.read_state()
    _require(container, state, "pause", {CREATED, RUNNING})
    _cgroup(state).freeze()


def resume(container: Container) -> None:
    """Let the processes go on.

    Raises:
        ContainerStateWrong: they do not stand.
    """
    state = container.read_state()
    _require(container, state, "resume", {PAUSED})
    _cgroup(state).thaw()


def delete(container: Container, log: Log, *, force: bool) -> None:
    """Remove all that is left of a container, and tell its hooks. A failure leaves it to be deleted again.

    Raises:
        ContainerUnknown: it is gone.
        ContainerStateWrong: it has not ended, and force is not used.
    """
    lock = container.lock()
    try:
        state = _state_of_whole(container)
        word = status(container, state)
        if word == CREATING:
            # Its maker holds the lock as long as it lives.
            word = STOPPED
        if word != STOPPED:
            if not force:
                raise ContainerStateWrong(container.container, word, "delete")
            _end(state)
        _remove_cgroup(state)
        poststop = _poststop_hooks(container)
        container.remove()
    finally:
        os.close(lock)
    _tell("poststop", poststop, state_for_hooks(state, STOPPED), log)


def _state_of_whole(container: Container) -> State:
    """Its state; where whoever removed it was killed before the end, that is made up for.

    Raises:
        ContainerUnknown: it has none any more.
    """
    try:
        return container.read_state()
    except ContainerUnknown:
        # The state is the last that goes but for the lock, which is held here.
        container.remove()
        raise


def _require(container: Container, state: State, operation: str, words: set[str]) -> None:
    word = status(container, state)
    if word not in words:
        raise ContainerStateWrong(container.container, word, operation)


def _cgroup(state: State) -> Cgroup:
    return group.find(hierarchies.detect(), state.cgroup)


def _let_go(container: Container) -> None:
    """Tell the first process to go on, and wait until it has executed the program: then nobody reads the FIFO."""
    try:
        descriptor = os.open(container.fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in {errno.ENXIO, errno.ENOENT}:
            raise
        raise ContainerStateWrong(container.container, STOPPED, "start") from error
    try:
        os.write(descriptor, b"\n")
        poll = select.poll()
        # Told in any case: that no reader is left.
        poll.register(descriptor, 0)
        poll.poll()
    finally:
        os.close(descriptor)


def _end(state: State) -> None:
    signals.send(state.pid, state.started, signal.SIGKILL)
    _cgroup(state).kill()
    deadline = time.monotonic() + _DEATH_TIMEOUT_S
    while is_alive(state.pid, state.started) and time.monotonic() < deadline:
        time.sleep(0.001)


def _remove_cgroup(state: State) -> None:
    cgroup = _cgroup(state)
    # Where the container shared a namespace of processes, others may have outlived its first one.
    cgroup.kill()
    cgroup.delete()


def _tell(point: str, told: tuple[Hook, ...], state: Mapping[str, object], log: Log) -> None:
    for hook in told:
        try:
            hooks.run(point, [hook], state)
        except HookFailed as error:
            # The specification has all others run, and the program go on.
            log.warning(str(error))


def _poststop_hooks(container: Container) -> tuple[Hook, ...]:
    try:
        return container.read_config().hooks.get("poststop", ())
    except ContainerUnknown:
        return ()
