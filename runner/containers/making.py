"""Making a container: its directory and its name, both there as a whole or not at all."""

from __future__ import annotations

import fcntl
import os

from runner.containers import documents, names, removal
from runner.containers.errors import ContainerNameTaken
from runner.containers.folders import NEW
from runner.containers.permissions import UsualUmask
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container

_DIGITS = 64


def new_id() -> str:
    """An id that nobody has."""
    return os.urandom(_DIGITS // 2).hex()


def make(folders: Folders, container: Container, hold: Callable[[], None]) -> tuple[Container, int]:
    """Make a container; it, with its name, and its lock, held: as long as that is open nobody else starts it.

    Args:
        folders: where.
        container: without a name, it gets one.
        hold: called when whoever clears away would see that somebody is at it; it sees to it that nobody takes away
            what the container needs.

    Raises:
        ContainerNameTaken, ContainerNameInvalid: it cannot be called so.
    """
    with UsualUmask():
        return _make(folders, container, hold)


def _make(folders: Folders, container: Container, hold: Callable[[], None]) -> tuple[Container, int]:
    folders.make()
    new = folders.place(container.id, NEW)
    lock = _begin(folders, new)
    try:
        hold()
        for folder in (new.upper, new.work):
            os.mkdir(folder, 0o755)
        os.close(os.open(new.monitor, os.O_CREAT | os.O_CLOEXEC, 0o600))
        if container.by_run:
            # Whoever clears away finds it by this, should it never be started.
            os.mkdir(new.passing, 0o700)
        named = _name(folders, new, container)
    except BaseException:
        removal.finish(folders, new)
        os.close(lock)
        raise
    return named, lock


def _begin(folders: Folders, new: Place) -> int:
    guard = removal.guarded(folders)
    try:
        os.mkdir(new.lasting, 0o700)
        lock = os.open(new.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(guard)
    return lock


def _name(folders: Folders, new: Place, container: Container) -> Container:
    """Give it a name, and let it be seen."""
    guard = removal.guarded(folders)
    try:
        container = _claim(folders, container)
        if container.by_run:
            # Somebody waits for what it does, not for a record of it.
            documents.write(new.description, container)
        else:
            documents.write_durably(new.description, container)
        os.rename(new.lasting, folders.place(container.id).lasting)
    finally:
        os.close(guard)
    return container


def _claim(folders: Folders, container: Container) -> Container:
    if container.name:
        name = names.check(container.name)
        taken = _taken_by(folders, name)
        if taken is not None:
            raise ContainerNameTaken(name, taken)
    else:
        attempt = 0
        name = names.made_up(attempt)
        while _taken_by(folders, name) is not None:
            attempt += 1
            name = names.made_up(attempt)
    path = f"{folders.names}/{name}"
    # Of one that was killed before its container could be seen.
    with Suppressed(FileNotFoundError):
        os.unlink(path)
    os.symlink(container.id, path)
    return container._replace(name=name)


def _taken_by(folders: Folders, name: str) -> str | None:
    try:
        container = os.readlink(f"{folders.names}/{name}")
    except FileNotFoundError:
        return None
    return container if os.path.isdir(folders.place(container).lasting) else None
