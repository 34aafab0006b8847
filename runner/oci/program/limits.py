"""What the kernel takes from the program or gives to it first: rlimits, the OOM killer's score, disks, processors."""

from __future__ import annotations

import os
import resource

from runner.oci.errors import CallFailed
from runner.oci.kernel import tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.oci.spec.values import IoPriority, Process, Rlimit, Scheduler

    Warn = Callable[[str], None]

_INFINITY = 2**64 - 1


def raise_limits(limits: Iterable[Rlimit]) -> None:
    """Raise hard limits as far as needed, while this process has the host's rights; lower none yet.

    Where the host does not let it, `set_limits` says so.
    """
    for limit in limits:
        soft, hard = resource.getrlimit(limit.kind)
        wanted = _number(limit.hard)
        if _is_above(wanted, hard):
            try:
                resource.setrlimit(limit.kind, (soft, wanted))
            except (OSError, ValueError):
                continue


def set_limits(limits: Iterable[Rlimit], warn: Warn) -> None:
    """Set the limits. One that the host does not let be raised is brought down to what it is, with a warning.

    Raises:
        CallFailed: the kernel refuses for another reason.
    """
    for limit in limits:
        soft, hard = _number(limit.soft), _number(limit.hard)
        _, highest = resource.getrlimit(limit.kind)
        if _is_above(hard, highest):
            warn(f"{limit.name} cannot be raised to {_shown(hard)} here: it stays at {_shown(highest)}")
            hard = highest
            soft = highest if _is_above(soft, highest) else soft
        try:
            resource.setrlimit(limit.kind, (soft, hard))
        except (OSError, ValueError) as error:
            cause = error if isinstance(error, OSError) else OSError(22, str(error))
            raise CallFailed("setrlimit", limit.name, cause) from error


def set_oom_score(score: int, warn: Warn) -> None:
    """Set how soon the kernel kills this process and its children for want of memory; lower needs a privilege."""
    try:
        _write("/proc/self/oom_score_adj", str(score))
    except OSError as error:
        warn(f"oomScoreAdj cannot be set to {score} here: {error.strerror}")


def set_priorities(process: Process) -> None:
    """Set the shares of disks and processors.

    Raises:
        CallFailed: the kernel refuses.
    """
    if process.io_priority is not None:
        _set_io_priority(process.io_priority)
    if process.scheduler is not None:
        _set_scheduler(process.scheduler)


def _set_io_priority(wanted: IoPriority) -> None:
    tasks.set_io_priority(wanted.scheduling_class, wanted.priority)


def _set_scheduler(wanted: Scheduler) -> None:
    tasks.set_scheduling(
        tasks.SchedulingAttributes(
            policy=wanted.policy,
            flags=wanted.flags,
            nice=wanted.nice,
            priority=wanted.priority,
            runtime=wanted.runtime,
            deadline=wanted.deadline,
            period=wanted.period,
        )
    )


def _number(value: int) -> int:
    return resource.RLIM_INFINITY if value == _INFINITY else value


def _is_above(value: int, bound: int) -> bool:
    if bound == resource.RLIM_INFINITY:
        return False
    return value == resource.RLIM_INFINITY or value > bound


def _shown(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
