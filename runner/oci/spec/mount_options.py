"""What the words of a mount's options mean: attributes of the mount, how it propagates, data for the file system."""

from __future__ import annotations

from runner.oci.kernel import mounts
from runner.records import Record

_ATIME = mounts.ATIME_MASK

# For each word what it adds, and what it takes away.
_ATTRIBUTES = {
    "defaults": (0, 0),
    "ro": (mounts.READ_ONLY, 0),
    "rw": (0, mounts.READ_ONLY),
    "nosuid": (mounts.NO_SUID, 0),
    "suid": (0, mounts.NO_SUID),
    "nodev": (mounts.NO_DEV, 0),
    "dev": (0, mounts.NO_DEV),
    "noexec": (mounts.NO_EXEC, 0),
    "exec": (0, mounts.NO_EXEC),
    "noatime": (mounts.NO_ATIME, _ATIME),
    "atime": (mounts.RELATIVE_ATIME, _ATIME),
    "relatime": (mounts.RELATIVE_ATIME, _ATIME),
    "norelatime": (mounts.STRICT_ATIME, _ATIME),
    "strictatime": (mounts.STRICT_ATIME, _ATIME),
    "nostrictatime": (mounts.RELATIVE_ATIME, _ATIME),
    "nodiratime": (mounts.NO_DIRECTORY_ATIME, 0),
    "diratime": (0, mounts.NO_DIRECTORY_ATIME),
    "nosymfollow": (mounts.NO_SYMLINK_FOLLOW, 0),
    "symfollow": (0, mounts.NO_SYMLINK_FOLLOW),
}
_RECURSIVE_ATTRIBUTES = {f"r{word}": change for word, change in _ATTRIBUTES.items() if word != "defaults"}
_PROPAGATIONS = {
    "shared": mounts.SHARED,
    "slave": mounts.SLAVE,
    "private": mounts.PRIVATE,
    "unbindable": mounts.UNBINDABLE,
}
# What undoes flags of a file system as a whole, or has no meaning to a new mount; the flags themselves are data.
_UNDOING = {"async", "nomand", "nolazytime", "loud", "silent", "iversion", "noiversion", "nodirsync"}
_NOT_BUILT = {"remount", "idmap", "ridmap", "copy-symlink", "src-nofollow"}

WORDS = frozenset({*_ATTRIBUTES, *_RECURSIVE_ATTRIBUTES, "bind", "rbind", "tmpcopyup", *_UNDOING}) | {
    prefix + word for word in _PROPAGATIONS for prefix in ("", "r")
}
"""All that are no data of a file system."""


class MountOptions(Record):
    """A mount's options, read once."""

    bind: bool
    recursive: bool
    """Whether a bind brings the mounts beneath its source."""
    add: int
    remove: int
    recursive_add: int
    recursive_remove: int
    propagation: int
    propagation_recursive: bool
    copy_up: bool
    """Whether what lies beneath is copied into a new tmpfs."""
    data: tuple[str, ...]
    not_built: tuple[str, ...]


def read_options(words: tuple[str, ...]) -> MountOptions:
    """The meaning of the words, the last of contradicting ones first."""
    own, recursive = _Changes(), _Changes()
    bind = recursive_bind = copy_up = propagation_recursive = False
    propagation = 0
    data, not_built = [], []
    for word in words:
        if word in _ATTRIBUTES:
            own.take(_ATTRIBUTES[word])
        elif word in _RECURSIVE_ATTRIBUTES:
            recursive.take(_RECURSIVE_ATTRIBUTES[word])
        elif word in {"bind", "rbind"}:
            bind, recursive_bind = True, recursive_bind or word == "rbind"
        elif word.removeprefix("r") in _PROPAGATIONS:
            propagation, propagation_recursive = _PROPAGATIONS[word.removeprefix("r")], word.startswith("r")
        elif word == "tmpcopyup":
            copy_up = True
        elif word in _NOT_BUILT:
            not_built.append(word)
        elif word not in _UNDOING:
            data.append(word)
    return MountOptions(
        bind,
        recursive_bind,
        own.add,
        own.remove,
        recursive.add,
        recursive.remove,
        propagation,
        propagation_recursive,
        copy_up,
        tuple(data),
        tuple(not_built),
    )


class _Changes:
    """Attributes to add and to remove; a later word undoes an earlier one."""

    def __init__(self) -> None:
        self.add = 0
        self.remove = 0

    def take(self, change: tuple[int, int]) -> None:
        add, remove = change
        self.add = self.add & ~remove | add
        # What is added need not be removed, but for times: there the kernel wants the old kind taken away.
        self.remove = self.remove & ~(add & ~_ATIME) | remove
