"""From a process with the runtime's rights to the container's program, for its first process and for `exec` alike."""

from __future__ import annotations

import errno

from runner.oci import children
from runner.oci.errors import CallFailed
from runner.oci.kernel import tasks
from runner.oci.program import execution, identity, limits, terminal
from runner.records import Record
from runner.seccomp import loading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.oci.program.labels import Label
    from runner.oci.program.terminal import Terminal
    from runner.oci.spec.values import Process
    from runner.seccomp.preparation import Prepared

    Warn = Callable[[str], None]


class Program(Record):
    """What is left to do once `prepare` has come back."""

    path: str
    process: Process
    environment: dict[str, str]
    labels: tuple[Label, ...]
    filter: Prepared | None
    """Of system calls, if it is still to be loaded."""


class Means(Record):
    """What was opened or prepared for the program while the host was still there."""

    console: Terminal | None
    labels: tuple[Label, ...]
    filter: Prepared | None
    preserved: int
    """How many descriptors behind the standard streams stay open."""
    new_keyring: bool
    """Whether the keys of whoever called the runtime are left behind."""


def prepare(process: Process, means: Means, warn: Warn) -> Program:
    """Give up all rights that the program is not to have, and find it.

    Args:
        process: what the program is to be.
        means: what it gets.
        warn: told of what this host lacks.

    Raises:
        RunnerError: something cannot be had.
    """
    uid = process.user.uid
    if means.new_keyring:
        _leave_keys()
    if means.console is not None:
        means.console.become_standard(uid)
    else:
        terminal.own_standard_streams(uid)
    limits.set_priorities(process)
    if process.no_new_privileges:
        tasks.forbid_new_privileges()
    entered = _try_to_enter(process.cwd)
    environment = execution.environment_of(process)
    execution.close_descriptors(means.preserved)
    filtering = means.filter
    if filtering is not None and not process.no_new_privileges:
        # It takes a capability that the program will not have.
        loading.load(filtering.program, filtering.flags)
        filtering = None
    identity.take(process.user, process.capabilities, warn)
    if not entered:
        execution.enter_directory(process.cwd)
    path = execution.find_program(process.arguments[0], environment)
    limits.set_limits(process.rlimits, warn)
    return Program(path, process, environment, means.labels, filtering)


def become(program: Program) -> None:
    """Execute it.

    Raises:
        RunnerError: the kernel does not.
    """
    for label in program.labels:
        label.apply()
    children.forget_signals()
    if program.filter is not None:
        # Last, so that it need not allow what leads here.
        loading.load(program.filter.program, program.filter.flags)
    execution.execute(program.path, program.process, program.environment)


def _leave_keys() -> None:
    try:
        tasks.join_new_session_keyring()
    except CallFailed as error:
        # A kernel without keys has none to leave.
        if error.cause.errno != errno.ENOSYS:
            raise


def _try_to_enter(path: str) -> bool:
    """Whether the directory could be entered with the runtime's rights; some file systems let only the user in."""
    try:
        execution.enter_directory(path)
    except CallFailed as error:
        if not isinstance(error.cause, PermissionError):
            raise
        return False
    return True
