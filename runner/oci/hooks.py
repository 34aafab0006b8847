"""Running hooks: programs that are told of a point in the container's life by its state, on their stdin."""

from __future__ import annotations

import os
import select

from runner.json_text import encode
from runner.oci.errors import HookFailed
from runner.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.oci.spec.values import Hook


def run(point: str, hooks: Iterable[Hook], state: Mapping[str, object]) -> None:
    """Run the hooks of a point one after the other.

    Raises:
        HookFailed: one cannot be executed, ends with another status than 0, or takes longer than it may.
    """
    for hook in hooks:
        _run_one(point, hook, encode(state).encode())


def _run_one(point: str, hook: Hook, state: bytes) -> None:
    # The state is a file: a hook that does not read it would break a pipe, or fill it.
    stdin = os.memfd_create("state", os.MFD_CLOEXEC)
    os.write(stdin, state)
    os.lseek(stdin, 0, os.SEEK_SET)
    failure_read, failure_write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        _execute(hook, stdin, failure_write)
    os.close(stdin)
    os.close(failure_write)
    try:
        number = os.read(failure_read, 16)
    finally:
        os.close(failure_read)
    ended_in_time = _wait(pid, hook.timeout_s)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if number:
        raise HookFailed(point, hook.path, os.strerror(int(number)))
    if not ended_in_time:
        raise HookFailed(point, hook.path, f"took longer than {hook.timeout_s} s")
    if status != 0:
        raise HookFailed(point, hook.path, f"exit status {status}" if status > 0 else f"signal {-status}")


def _execute(hook: Hook, stdin: int, failure: int) -> None:
    """In the child: become the hook, or say why not."""
    try:
        os.dup2(stdin, 0)
        environment = dict(text.partition("=")[::2] for text in hook.environment)
        os.execve(hook.path, hook.arguments, environment)
    except OSError as error:
        os.write(failure, str(error.errno).encode())
    finally:
        os._exit(127)


def _wait(pid: int, timeout_s: int | None) -> bool:
    """Whether a child ends in time; it is killed otherwise."""
    if timeout_s is None:
        return True
    descriptor = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    ended = bool(poll.poll(timeout_s * 1000))
    os.close(descriptor)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    return ended
