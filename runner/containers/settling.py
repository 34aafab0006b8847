"""Clearing away what the run of one container has left, and those that were not made or removed as a whole."""

from __future__ import annotations

import fcntl
import os

from runner import trees
from runner.containers import documents, liveness, records, removal
from runner.containers.clock import NEVER, now
from runner.containers.errors import ContainerUnknown
from runner.containers.folders import GONE, NEW
from runner.containers.records import Outcome
from runner.errors import RunnerError
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders, Place

_KILLED = 137
_LOST_WITH_MACHINE = 255
_REASON = "the monitor was killed"


def settle(folders: Folders, place: Place) -> None:
    """Clear away after one container, whose lock is the caller's, so that it can be started.

    Raises:
        RunnerError, OSError: something cannot be cleared away.
    """
    container = records.read(place)
    outcome = records.outcome(place)
    was_there = os.path.isdir(place.passing)
    if was_there:
        # Only here: it loads all of the runtime.
        from runner.containers import cleaning

        cleaning.clean(folders, place, container.settings)
    if outcome is not None and outcome.finished == NEVER and outcome.started:
        documents.write(place.outcome, _ended(outcome, with_machine=not was_there))
    if container.settings.remove and (outcome is not None or container.by_run):
        removal.remove_with_volumes(folders, place, container.settings)


def sweep_one(folders: Folders, place: Place) -> None:
    """Clear away what the run of a container has left that has no monitor; what somebody has in hands is left alone.

    Raises:
        RunnerError, OSError: something cannot be cleared away.
    """
    # In the order in which it goes from one to the next.
    stages = (folders.place(place.container, NEW), place, folders.place(place.container, GONE))
    if not any(os.path.isdir(stage.lasting) for stage in stages):
        trees.remove_path(place.passing)
        return
    held = try_lock(place)
    if held is None:
        return
    try:
        # Its monitor may have begun before the lock was ours.
        if liveness.monitor_of(place) is None:
            settle(folders, place)
    finally:
        os.close(held)


def finish_all(folders: Folders, half: list[str]) -> None:
    """Remove those of these directories that nobody goes on to make, or to remove."""
    # Under this lock a directory is made and locked.
    guard = removal.guarded(folders)
    try:
        for name in half:
            mark = NEW if name.startswith(NEW) else GONE
            place = folders.place(name.removeprefix(mark), mark)
            held = try_lock(place)
            # Somebody has it; or it has come to its next name since it was listed, and what is in its directory of the
            # run is a container's that lives.
            if held is None and (os.path.exists(place.lock) or not os.path.isdir(place.lasting)):
                continue
            # A monitor does the same, at its end.
            if liveness.monitor_of(place) is None:
                with Suppressed(RunnerError, OSError):
                    removal.finish_guarded(folders, place)
            if held is not None:
                os.close(held)
    finally:
        os.close(guard)


def try_lock(place: Place) -> int | None:
    """The container's lock; None where somebody has it, or the container has gone."""
    try:
        lock = os.open(place.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if not _is_at(lock, place):
        os.close(lock)
        return None
    return lock


def lock(place: Place) -> int:
    """The same, waited for.

    Raises:
        ContainerUnknown: the container has gone.
    """
    return _locked(place, fcntl.LOCK_EX)


def shared_lock(place: Place) -> int:
    """The same for who only reads: others may read, too, and nobody starts or removes the container meanwhile.

    Raises:
        ContainerUnknown: the container has gone.
    """
    return _locked(place, fcntl.LOCK_SH)


def _locked(place: Place, operation: int) -> int:
    try:
        descriptor = os.open(place.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ContainerUnknown(place.container) from None
    fcntl.flock(descriptor, operation)
    if not _is_at(descriptor, place):
        os.close(descriptor)
        raise ContainerUnknown(place.container)
    return descriptor


def _ended(outcome: Outcome, *, with_machine: bool) -> Outcome:
    status = _LOST_WITH_MACHINE if with_machine else _KILLED
    return outcome._replace(finished=now(), exit_code=status, error="" if with_machine else _REASON)


def _is_at(descriptor: int, place: Place) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(place.lock))
    except FileNotFoundError:
        return False
