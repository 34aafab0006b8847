"""What the runtime keeps of a container: a directory with its state, its own copy of config.json, a FIFO and a lock.

The directory belongs to root alone. A state file is written whole under another name and then renamed, so a reader sees
one state or the next; what the process is doing is never taken from it, but asked of the kernel (`status`).
"""

from __future__ import annotations

import errno
import fcntl
import os

from runner import text_files
from runner.json_text import decode, encode
from runner.oci.errors import ContainerExists, ContainerIdInvalid, ContainerUnknown
from runner.oci.spec.config_parsing import parse_config
from runner.records import Record
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.oci.spec.values import Config

_LONGEST_ID = 1024
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")
_NEW = ".new-"
_STATE, _CONFIG, _FIFO, _LOCK = "state.json", "config.json", "exec.fifo", "lock"


class State(Record):
    """What was written down when the container was made."""

    container: str
    version: str
    bundle: str
    root: str
    annotations: Mapping[str, str]
    cgroup: str
    created: str
    """When, as RFC 3339 has it."""
    owner: int
    pid: int
    """The container's first process; 0 while there is none."""
    started: int
    """The tick since boot at which that process began: its number alone may mean another one later."""
    maker: int
    """The runtime that makes it."""
    maker_started: int
    new_keyring: bool = True
    """Whether its programs, also those of `exec`, are kept from the keys of whoever calls."""


class Container(Record):
    """A container's directory, which may be gone at any moment to those who do not hold its lock."""

    container: str
    place: str

    @property
    def fifo(self) -> str:
        """Where `start` tells the first process to go on."""
        return f"{self.place}/{_FIFO}"

    def read_state(self) -> State:
        """What was written last.

        Raises:
            ContainerUnknown: it is gone, or was never made as far as this.
        """
        document = decode(self._read(_STATE))
        if not isinstance(document, dict):
            raise ContainerUnknown(self.container)
        return State(**document)

    def prepare_state(self, state: State) -> None:
        """Write what `publish_state` puts in place of what was written before."""
        self._put_aside(_STATE, encode(state._asdict()))

    def publish_state(self) -> None:
        """Let the state be seen that was prepared."""
        self._put_in_place(_STATE)

    def read_config(self) -> Config:
        """The configuration as it was when the container was made.

        Raises:
            ContainerUnknown: it is gone.
        """
        return parse_config(self._read(_CONFIG), self.read_state().bundle)

    def write_config(self, text: str) -> None:
        """Keep a copy of config.json."""
        self._put_aside(_CONFIG, text)
        self._put_in_place(_CONFIG)

    def lock(self) -> int:
        """Wait until nobody else changes the container; closing the descriptor gives it back.

        Raises:
            ContainerUnknown: it is gone.
        """
        try:
            descriptor = os.open(f"{self.place}/{_LOCK}", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            # Whoever removed it may have been killed before the last step; a directory that is not empty stays.
            with Suppressed(OSError):
                os.rmdir(self.place)
            raise ContainerUnknown(self.container) from None
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not os.fstat(descriptor).st_nlink:
            os.close(descriptor)
            raise ContainerUnknown(self.container)
        return descriptor

    def is_locked(self) -> bool:
        """Whether somebody has the lock now."""
        try:
            descriptor = os.open(f"{self.place}/{_LOCK}", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def remove(self) -> None:
        """Forget the container. What has gone already is no matter."""
        for name in (_FIFO, _CONFIG, _STATE, f".{_STATE}", f".{_CONFIG}", _LOCK):
            try:
                os.unlink(f"{self.place}/{name}")
            except FileNotFoundError:
                continue
        try:
            os.rmdir(self.place)
        except FileNotFoundError:
            return

    def _read(self, name: str) -> str:
        try:
            return text_files.read(f"{self.place}/{name}")
        except FileNotFoundError:
            raise ContainerUnknown(self.container) from None

    def _put_aside(self, name: str, text: str) -> None:
        text_files.write(f"{self.place}/.{name}", text, 0o600)

    def _put_in_place(self, name: str) -> None:
        os.rename(f"{self.place}/.{name}", f"{self.place}/{name}")


def find(root: str, container: str) -> Container:
    """A container that is there.

    Raises:
        ContainerIdInvalid: the text is no name.
        ContainerUnknown: there is none.
    """
    found = Container(container, _place(root, container))
    if not os.path.isdir(found.place):
        raise ContainerUnknown(container)
    return found


def make(root: str, state: State, config: str) -> tuple[Container, int]:
    """A new container's directory, which is there as a whole or not at all, and its lock, held.

    Args:
        root: where all containers of this runtime are.
        state: the first state.
        config: the text of config.json; what is changed in the bundle later does not count.

    Raises:
        ContainerIdInvalid: the state's text is no name.
        ContainerExists: there is one.
    """
    container = Container(state.container, _place(root, state.container))
    if not os.path.isdir(root):
        os.makedirs(root, mode=0o711, exist_ok=True)
    forget_unfinished(root)
    new = Container(state.container, f"{root}/{_NEW}{os.getpid()}")
    # Of a process that was killed, and had this number.
    new.remove()
    os.mkdir(new.place, 0o700)
    lock = os.open(f"{new.place}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.mkfifo(new.fifo, 0o600)
        new.write_config(config)
        new.prepare_state(state)
        new.publish_state()
        os.rename(new.place, container.place)
    except OSError as error:
        os.close(lock)
        new.remove()
        if error.errno in {errno.EEXIST, errno.ENOTEMPTY}:
            raise ContainerExists(state.container) from None
        raise
    return container, lock


def every(root: str) -> tuple[Container, ...]:
    """All containers, by name. What killed makers left half made is removed."""
    try:
        forget_unfinished(root)
        names = sorted(name for name in os.listdir(root) if not name.startswith("."))
    except FileNotFoundError:
        return ()
    return tuple(Container(name, f"{root}/{name}") for name in names)


def forget_unfinished(root: str) -> None:
    """Remove the directories of those who were killed before theirs had its name: they have ended, and hold no lock."""
    for name in os.listdir(root):
        pid = name.removeprefix(_NEW)
        if name.startswith(_NEW) and pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
            left = Container(name, f"{root}/{name}")
            if not left.is_locked():
                left.remove()


def _place(root: str, container: str) -> str:
    valid = 0 < len(container) <= _LONGEST_ID and set(container) <= _ID_CHARACTERS and not container.startswith(".")
    if not valid:
        raise ContainerIdInvalid(container)
    return f"{root}/{container}"
