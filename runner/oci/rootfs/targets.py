"""Places inside the root file system, opened without leaving it, whatever its links say and whoever changes them.

The image may hold any link at any place, and another container with the same volume may exchange a name while it is
looked at (CVE-2019-19921, CVE-2021-30465, CVE-2023-28642, CVE-2025-31133). So a place is resolved once, by the kernel,
to a descriptor, and all that happens there happens by it.
"""

from __future__ import annotations

import errno
import os

from runner.oci.errors import CallFailed
from runner.oci.kernel.files import DIRECTORY, is_missing, open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MODE = 0o755
_MOST_LINKS = 40


def find(root: int, path: str) -> int | None:
    """What is at a place, opened with O_PATH; None where nothing is.

    Raises:
        CallFailed: the place cannot be reached.
    """
    try:
        return open_in_root(root, path)
    except CallFailed as error:
        if is_missing(error):
            return None
        raise


def directory(root: int, path: str) -> int:
    """The directory at a place, made where it is missing, with those above it.

    Raises:
        CallFailed: something else is there.
    """
    try:
        return open_in_root(root, path, DIRECTORY)
    except CallFailed as error:
        if error.cause.errno != errno.ENOENT:
            raise
    return _made_directory(root, path, links=0)


def file(root: int, path: str) -> int:
    """The file at a place, opened with O_PATH; an empty one is made where nothing is, also where a link names it.

    Raises:
        CallFailed: the place cannot be reached.
    """
    return _made_file(root, path, links=0)


def parent(root: int, path: str) -> tuple[int, str]:
    """The directory in which a place is, made where it is missing, and the place's name in it.

    Raises:
        CallFailed: something else is there, or the place is the root itself.
    """
    above, _, name = path.rstrip("/").rpartition("/")
    if name in {"", ".", ".."}:
        raise CallFailed("open", path, OSError(errno.EINVAL, "is no name of a file"))
    return directory(root, above or "/"), name


def by_descriptor(descriptor: int) -> str:
    """A name of what is open, for calls that know only names. It leads there and nowhere else."""
    return f"/proc/self/fd/{descriptor}"


def _made_file(root: int, path: str, links: int) -> int:
    found = find(root, path)
    if found is not None:
        return found
    above, name = parent(root, path)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, _MODE, dir_fd=above))
    except FileExistsError:
        # A link that leads nowhere; or somebody was quicker, and what counts is what can be opened now.
        if (named := _named_by_link(path, above, links)) is not None:
            return _made_file(root, named, links + 1)
    except OSError as error:
        raise CallFailed("open", path, error) from error
    finally:
        os.close(above)
    return open_in_root(root, path)


def _made_directory(root: int, path: str, links: int) -> int:
    for prefix in _prefixes(path):
        above, _, name = prefix.rpartition("/")
        if name == "..":
            continue
        descriptor = open_in_root(root, above or "/", DIRECTORY)
        try:
            os.mkdir(name, _MODE, dir_fd=descriptor)
        except FileExistsError:
            _make_what_a_link_names(root, prefix, descriptor, links=links)
        except OSError as error:
            raise CallFailed("mkdir", prefix, error) from error
        finally:
            os.close(descriptor)
    return open_in_root(root, path, DIRECTORY)


def _make_what_a_link_names(root: int, path: str, above: int, *, links: int) -> None:
    """Images have links to directories that only a running system makes, such as /var/run to /run."""
    if (found := find(root, path)) is not None:
        os.close(found)
        return
    named = _named_by_link(path, above, links)
    if named is None:
        raise CallFailed("mkdir", path, OSError(errno.EEXIST, os.strerror(errno.EEXIST)))
    os.close(_made_directory(root, named, links + 1))


def _named_by_link(path: str, above: int, links: int) -> str | None:
    """The path that a symbolic link names; `above` is the directory in which it is. None where it is no link."""
    if links == _MOST_LINKS:
        raise CallFailed("readlink", path, OSError(errno.ELOOP, os.strerror(errno.ELOOP)))
    folder, _, name = path.rstrip("/").rpartition("/")
    try:
        named = os.readlink(name, dir_fd=above)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise CallFailed("readlink", path, error) from error
        return None
    return named if named.startswith("/") else f"{folder}/{named}"


def _prefixes(path: str) -> Iterator[str]:
    names = [name for name in path.split("/") if name not in {"", "."}]
    for length in range(1, len(names) + 1):
        yield "/" + "/".join(names[:length])
