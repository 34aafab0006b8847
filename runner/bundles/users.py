"""Whom a container's program runs as, by the names in the container's own /etc/passwd and /etc/group.

Both files are the image's, or those of whoever ran in the container before: they may be links out of the root, devices,
pipes that nobody writes to, or endless (CVE-2024-9676, CVE-2026-47262). They are opened inside the root, read only if
they are plain files, and up to a bound. A number is never looked up as a name, and one that is no ID is an error, not
a name that happens to be missing (CVE-2024-40635).
"""

from __future__ import annotations

import os
import stat

from runner.bundles.errors import UserUnknown
from runner.oci.errors import CallFailed
from runner.oci.kernel.files import is_missing, open_in_root
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    Entry = TypeVar("Entry")

_PASSWD = "/etc/passwd"  # noqa: S105 - a file's name
_GROUP = "/etc/group"
_HIGHEST_ID = 2**32 - 2
_LARGEST_FILE = 4 * 1024 * 1024
_LONGEST_LINE = 64 * 1024


class Identity(Record):
    """A user in numbers."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    """All groups of the program, its own first."""


class _Account(Record):
    """A line of /etc/passwd."""

    name: str
    uid: int
    gid: int


class _Group(Record):
    """A line of /etc/group."""

    name: str
    gid: int
    members: tuple[str, ...]


def resolve(root: int, text: str | None, added_groups: tuple[str, ...] = ()) -> Identity:
    """Who `USER[:GROUP]` is in a root file system; root where nobody is named.

    Args:
        root: the root file system, open.
        text: names, or numbers that need not stand in the files.
        added_groups: more groups, names or numbers.

    Raises:
        UserUnknown: a name is in neither file, a number is none that a user can have, or a file cannot be read.
    """
    user, _, group = (text or "").partition(":")
    account = _account(root, user)
    groups = list(_groups(root)) if group or added_groups or account.name else []
    if group:
        gid = _find_group(groups, group)
        supplementary = []
    else:
        gid = account.gid
        supplementary = [each.gid for each in groups if account.name and account.name in each.members]
    supplementary += [_find_group(groups, each) for each in added_groups]
    return Identity(account.uid, gid, tuple(dict.fromkeys((gid, *supplementary))))


def _account(root: int, user: str) -> _Account:
    number = 0 if not user else _id(user, user)
    for account in _read(root, _PASSWD, _parse_account):
        if account.uid == number if number is not None else account.name == user:
            return account
    if number is None:
        raise UserUnknown(user, "no matching entries in passwd file")
    return _Account("", number, 0)


def _groups(root: int) -> Iterator[_Group]:
    return _read(root, _GROUP, _parse_group)


def _find_group(groups: list[_Group], text: str) -> int:
    number = _id(text, text)
    if number is not None:
        return number
    for group in groups:
        if group.name == text:
            return group.gid
    raise UserUnknown(text, "no matching entries in group file")


def _id(number: str, text: str) -> int | None:
    """The ID that a text is; None where it is a name."""
    if not number.removeprefix("-").isdecimal():
        return None
    if not number.isascii() or not number.isdecimal() or len(number) > 10 or int(number) > _HIGHEST_ID:
        raise UserUnknown(text, f"uids and gids must be in range 0-{_HIGHEST_ID}")
    return int(number)


def _parse_account(fields: list[str]) -> _Account | None:
    if len(fields) < 4 or not fields[0]:
        return None
    uid, gid = _plain_id(fields[2]), _plain_id(fields[3])
    return None if uid is None or gid is None else _Account(fields[0], uid, gid)


def _parse_group(fields: list[str]) -> _Group | None:
    if len(fields) < 3 or not fields[0]:
        return None
    gid = _plain_id(fields[2])
    members = tuple(fields[3].split(",")) if len(fields) > 3 else ()
    return None if gid is None else _Group(fields[0], gid, members)


def _plain_id(text: str) -> int | None:
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or int(text) > _HIGHEST_ID:
        return None
    return int(text)


def _read(root: int, path: str, parse: Callable[[list[str]], Entry | None]) -> Iterator[Entry]:
    """The entries of a file; a line that is none is passed over, as C libraries do."""
    for line in _lines(root, path):
        entry = parse(line.rstrip("\n").split(":"))
        if entry is not None:
            yield entry


def _lines(root: int, path: str) -> Iterator[str]:
    descriptor = _open(root, path)
    if descriptor is None:
        return
    with open(descriptor, "rb") as file:
        left = _LARGEST_FILE
        while line := file.readline(_LONGEST_LINE):
            left -= len(line)
            if left < 0 or (len(line) == _LONGEST_LINE and not line.endswith(b"\n")):
                raise UserUnknown(path, "the file, or a line of it, is longer than any honest one")
            yield line.decode("utf-8", "surrogateescape")


def _open(root: int, path: str) -> int | None:
    """The file, opened only after it is seen to be a plain one: to open a device or a pipe may have effects."""
    try:
        found = open_in_root(root, path)
    except CallFailed as error:
        if is_missing(error):
            return None
        raise UserUnknown(path, str(error)) from error
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise UserUnknown(path, "is no plain file in the container")
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(found)
