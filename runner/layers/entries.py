"""What a layer's archive holds, as values; and the names by which entries hide what lower layers have."""

from __future__ import annotations

import enum
from typing import NamedTuple

from runner import limits
from runner.layers.errors import LayerRefused, LayerTooLarge

Path = tuple[bytes, ...]
"""The components of a place beneath the root; none of them is empty, `.` or `..`, and the root's own is `()`."""

WHITEOUT_PREFIX = b".wh."
_WHITEOUT_META_PREFIX = b".wh..wh."
_OPAQUE_MARKER = b".wh..wh..opq"


class Kind(enum.Enum):
    """What an entry becomes."""

    FILE = "file"
    HARD_LINK = "hard link"
    SYMLINK = "symbolic link"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    DIRECTORY = "directory"
    FIFO = "fifo"


class Segment(NamedTuple):
    """A piece of a sparse file that is in the archive; what lies between the pieces are zeros."""

    offset: int
    size: int


class Entry(NamedTuple):
    """One entry, as its headers tell it. `size` is that of the file once it is written, holes included."""

    name: bytes
    kind: Kind
    link: bytes
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int
    device: tuple[int, int]
    xattrs: dict[bytes, bytes]
    segments: list[Segment] | None


class Role(enum.Enum):
    """What the name of an entry says that it is for (image-spec, "Representing Changes")."""

    CONTENT = "content"
    WHITEOUT = "whiteout"
    OPAQUE = "opaque"
    IGNORED = "ignored"


def parse_path(name: bytes) -> Path:
    """The place that `name` means, whether or not it begins with `/` or `./`.

    Raises:
        LayerRefused: the name climbs with `..`, or holds a NUL.
        LayerTooLarge: the name, one of its components or their number is beyond `runner.limits`.
    """
    if len(name) > limits.PATH_BYTES:
        raise LayerTooLarge("bytes of a name", limits.PATH_BYTES)
    if b"\0" in name:
        raise LayerRefused(name, "the name holds a NUL")
    path = tuple(part for part in name.split(b"/") if part and part != b".")
    if b".." in path:
        raise LayerRefused(name, "the name climbs out of its directory")
    if len(path) > limits.PATH_DEPTH:
        raise LayerTooLarge("components of a name", limits.PATH_DEPTH)
    if any(len(part) > limits.NAME_BYTES for part in path):
        raise LayerTooLarge("bytes of a name's component", limits.NAME_BYTES)
    return path


def role_of(path: Path) -> Role:
    """What an entry at `path` is for.

    Names that begin with `.wh..wh.` are left over from AUFS and mean nothing, but for the opaque marker.

    Raises:
        LayerRefused: a whiteout hides nothing, its own directory or the one above, or has something beneath it.
    """
    if WHITEOUT_PREFIX not in b"/" + b"/".join(path):
        return Role.CONTENT
    for part in path[:-1]:
        if part.startswith(_WHITEOUT_META_PREFIX):
            return Role.IGNORED
        if part.startswith(WHITEOUT_PREFIX):
            raise LayerRefused(b"/".join(path), "a whiteout is no directory")
    last = path[-1]
    if last == _OPAQUE_MARKER:
        return Role.OPAQUE
    if last.startswith(_WHITEOUT_META_PREFIX):
        return Role.IGNORED
    if not last.startswith(WHITEOUT_PREFIX):
        return Role.CONTENT
    if hidden_name(path) in {b"", b".", b".."}:
        raise LayerRefused(b"/".join(path), "the whiteout names nothing that it could hide")
    return Role.WHITEOUT


def hidden_name(path: Path) -> bytes:
    """What the whiteout at `path` hides in its directory."""
    return path[-1][len(WHITEOUT_PREFIX) :]
