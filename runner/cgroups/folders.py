"""One cgroup in one hierarchy: a directory whose files are the kernel's."""

from __future__ import annotations

import errno
import os

from runner.cgroups.errors import CgroupFailed, CgroupPathInvalid
from runner.cgroups.hierarchies import Hierarchy
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME_CHARACTERS = 255
_DEPTH = 32


def parse_path(text: str) -> str:
    """A path beneath the root of every hierarchy: begins with a slash, ends in none, holds nothing that leads upwards.

    Raises:
        CgroupPathInvalid: it is none; a relative path has to be completed by who chooses the parent.
    """
    if not text.startswith("/"):
        raise CgroupPathInvalid(text, "expected a path that begins with /")
    names = [name for name in text.split("/") if name]
    if not names:
        raise CgroupPathInvalid(text, "the root of the hierarchy is nobody's")
    if len(names) > _DEPTH:
        raise CgroupPathInvalid(text, f"more than {_DEPTH} levels")
    for name in names:
        # A name with a dot in it could also be that of a file of the kernel's: those are refused by mkdir.
        if name in {".", ".."} or not name.isprintable() or len(name.encode()) > _NAME_CHARACTERS:
            raise CgroupPathInvalid(text, "has a component that is no name of a cgroup")
    return "/" + "/".join(names)


class Folder(Record):
    """A cgroup's directory, be it there or not. All methods raise CgroupFailed for what the kernel refuses."""

    hierarchy: Hierarchy
    path: str
    """Beneath the hierarchy's root; "" is the root itself."""

    @property
    def place(self) -> str:
        """The directory's absolute name."""
        return self.hierarchy.mount + self.path

    def lineage(self) -> Iterator[Folder]:
        """The folders from the root's child down to this one."""
        names = self.path.split("/")
        for depth in range(2, len(names) + 1):
            yield Folder(self.hierarchy, "/".join(names[:depth]))

    def parent(self) -> Folder:
        """The folder above."""
        return Folder(self.hierarchy, self.path.rpartition("/")[0])

    def read(self, file: str) -> str | None:
        """What a file holds, without the line's end; None where there is no such file."""
        with self._errors(), self._open(file, os.O_RDONLY) as descriptor:
            if descriptor is None:
                return None
            parts = []
            while part := os.read(descriptor, 65_536):
                parts.append(part)
            return b"".join(parts).decode("utf-8", "backslashreplace").rstrip("\n")

    def has(self, file: str) -> bool:
        """Whether there is such a file."""
        with self._errors(), self._open(file, os.O_PATH) as descriptor:
            return descriptor is not None

    def write(self, file: str, text: str) -> None:
        """Give the kernel a text, in one call: it takes no halves."""
        with self._errors(), self._open(file, os.O_WRONLY) as descriptor:
            if descriptor is None:
                raise OSError(errno.ENOENT, f"the kernel has no {file}")
            try:
                os.write(descriptor, text.encode())
            except OSError as error:
                raise OSError(error.errno, f"{file} does not take {text[:80]!r}: {error.strerror}") from error

    def make(self) -> bool:
        """Make the cgroup; False if it was there."""
        with self._errors(), self.parent()._directory() as above:
            try:
                os.mkdir(self.path.rpartition("/")[2], 0o755, dir_fd=above)
            except FileExistsError:
                return False
        return True

    def remove(self) -> bool:
        """Remove the cgroup; False if the kernel says that it is busy. One that is not there is removed."""
        with self._errors():
            try:
                with self.parent()._directory() as above:
                    os.rmdir(self.path.rpartition("/")[2], dir_fd=above)
            except FileNotFoundError:
                return True
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                return False
        return True

    def children(self) -> tuple[Folder, ...]:
        """The cgroups in this one; none where it is not there."""
        with self._errors():
            try:
                with self._directory() as descriptor, os.scandir(descriptor) as entries:
                    names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except FileNotFoundError:
                return ()
            return tuple(Folder(self.hierarchy, f"{self.path}/{name}") for name in names)

    def subtree(self) -> Iterator[Folder]:
        """All cgroups beneath this one, the deepest first, and this one at last."""
        for child in self.children():
            yield from child.subtree()
        yield self

    def processes(self) -> set[int]:
        """The processes in this cgroup and those beneath it that have a number in this process's pid namespace."""
        pids: set[int] = set()
        for folder in self.subtree():
            # A subtree whose type is threaded lists no processes; nobody makes one for a container.
            pids.update(map(int, (folder.read("cgroup.procs") or "").split()))
        # Version 2 lists those of other pid namespaces as 0, which to kill(2) is everybody in the caller's own group.
        return pids - {0}

    def _open(self, file: str, flags: int) -> _Opened:
        try:
            return _Opened(os.open(f"{self.place}/{file}", flags | os.O_CLOEXEC | os.O_NOFOLLOW))
        except FileNotFoundError:
            return _Opened(None)

    def _directory(self) -> _OpenDirectory:
        return _OpenDirectory(os.open(self.place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def _errors(self) -> _Translated:
        return _Translated(self.place)


# By hand, for contextlib loads what the start of a container does without.
class _Opened:
    """A descriptor that is closed at the end of the block; None where there is no file."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> int | None:
        return self._descriptor

    def __exit__(self, *_error: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


class _OpenDirectory:
    """A descriptor that is closed at the end of the block."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> int:
        return self._descriptor

    def __exit__(self, *_error: object) -> None:
        os.close(self._descriptor)


class _Translated:
    """The system's errors in the block become CgroupFailed."""

    __slots__ = ("_place",)

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            raise CgroupFailed(self._place, error) from error
