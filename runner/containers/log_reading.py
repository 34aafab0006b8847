"""What a container has said: the files of its log, in the order in which they were written, and what comes still."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Iterator

from runner.containers import liveness
from runner.containers.folders import Place
from runner.json_text import JsonInvalid, decode
from runner.oci.kernel.calls import library_call
from runner.records import Record

_BLOCK = 64 * 1024
_IN_MODIFY, _IN_CLOSE_WRITE, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x8, 0x80, 0x100
_IN_CLOEXEC = 0o2000000


class Entry(Record):
    """A line of a container's, or a part of a long one."""

    stream: str
    time: str
    text: str


def entries(place: Place, *, tail: int | None = None, follow: bool = False) -> Iterator[Entry]:
    """What the container has said.

    Args:
        place: the container's.
        tail: how many of what there is now, the last; None for all.
        follow: whether to wait for more, until it does not run any more.
    """
    watch = _Watch(place) if follow else None
    reader = Reader(place.log)
    try:
        older = (entry for path in _older(place) for entry in Reader(path).read())
        first = (entry for source in (older, reader.read()) for entry in source)
        yield from first if tail is None else deque(first, tail)
        while watch is not None:
            # In this order: what it has said before it was seen not to run is read once more.
            runs = liveness.monitor_of(place) is not None
            yield from reader.read()
            if not runs:
                return
            watch.wait()
    finally:
        if watch is not None:
            watch.close()


def _older(place: Place) -> list[str]:
    """The files that the log has been in, the oldest first."""
    numbers: list[int] = []
    while os.path.exists(f"{place.log}.{len(numbers) + 1}"):
        numbers.append(len(numbers) + 1)
    return [f"{place.log}.{number}" for number in reversed(numbers)]


class Reader:
    """One file, read as it grows; when it is begun anew, from there on."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None
        self._rest = b""

    def read(self) -> Iterator[Entry]:
        """The entries that have been written since."""
        yield from self._read_open()
        while not self._is_current():
            # What came after the end that was read, and before the file was put aside.
            yield from self._read_open()
            if not self._open():
                return
            yield from self._read_open()

    def _read_open(self) -> Iterator[Entry]:
        while self._file is not None:
            content = os.read(self._file, _BLOCK)
            if not content:
                return
            *lines, self._rest = (self._rest + content).split(b"\n")
            for line in lines:
                entry = _entry(line)
                if entry is not None:
                    yield entry

    def _is_current(self) -> bool:
        """Whether what is open is the log, and has not been emptied meanwhile."""
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return True
        if self._file is None or not os.path.samestat(os.fstat(self._file), there):
            return False
        return os.lseek(self._file, 0, os.SEEK_CUR) <= there.st_size

    def _open(self) -> bool:
        """Go on with the file that is there; False where it has been put aside, too, and the next is not there yet."""
        try:
            there = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        if self._file is not None:
            os.close(self._file)
        self._rest = b""
        self._file = there
        return True


class _Watch:
    """Waits for a change of a container's log, or for the end of its monitor."""

    def __init__(self, place: Place) -> None:
        self._poll = select.poll()
        self._descriptors = [library_call("inotify_init1", _IN_CLOEXEC)]
        mask = _IN_MODIFY | _IN_CLOSE_WRITE | _IN_MOVED_TO | _IN_CREATE
        library_call("inotify_add_watch", self._descriptors[0], place.lasting, mask, about=place.lasting)
        monitor = liveness.opened_monitor(place)
        if monitor is not None:
            self._descriptors.append(monitor)
        for descriptor in self._descriptors:
            self._poll.register(descriptor, select.POLLIN)

    def wait(self) -> None:
        ready = {descriptor for descriptor, _ in self._poll.poll()}
        if self._descriptors[0] in ready:
            os.read(self._descriptors[0], _BLOCK)

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)


def _entry(line: bytes) -> Entry | None:
    try:
        fields = decode(line.decode("utf-8", "replace"))
    except JsonInvalid:
        return None
    if not isinstance(fields, dict):
        return None
    return Entry(str(fields.get("stream", "")), str(fields.get("time", "")), str(fields.get("log", "")))
