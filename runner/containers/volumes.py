"""Volumes: directories of the runner's that outlast containers, each under its name.

    <name>/_data        what containers see
    <name>/unnamed      there if no user gave the volume its name: it goes with its container
    <name>/filling      there while it is filled; left behind by who was killed meanwhile
    <name>/lock         held by who fills or removes it

An empty one is filled with what the image has at its place before a container sees it.
"""

from __future__ import annotations

import os

from runner import trees
from runner.containers.errors import VolumeInvalid
from runner.containers.permissions import UsualUmask
from runner.containers.settings import VOLUME
from runner.oci.errors import CallFailed
from runner.oci.kernel.files import DIRECTORY, is_missing, open_in_root
from runner.oci.rootfs.copying import copy_tree
from runner.store.locks import Held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.settings import Mount

_DATA = "_data"
_UNNAMED = "unnamed"
_FILLING = "filling"
_LOCK = "lock"
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
_LONGEST_NAME = 255


class Volumes:
    """All volumes beneath one directory, which only root may enter."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def named(self, mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
        """The mounts with a name for each volume that has none; the volumes are there then, empty."""
        return tuple(self._named(mount) if mount.kind == VOLUME else mount for mount in mounts)

    def fill(self, mounts: tuple[Mount, ...], root: int) -> dict[str, str]:
        """The directories of all volumes among the mounts, by destination; empty ones are filled first.

        Args:
            mounts: as `named` gives them.
            root: the container's root file system, open, in which nothing runs yet.

        Raises:
            VolumeInvalid: what the image has cannot be copied.
        """
        volumes = [mount for mount in mounts if mount.kind == VOLUME]
        for mount in volumes:
            self._make(mount.source)
            if mount.copy:
                self._fill(mount, root)
        return {mount.destination: self.path(mount.source) for mount in volumes}

    def path(self, name: str) -> str:
        """The directory that containers see.

        Raises:
            VolumeInvalid: the name would lead elsewhere.
        """
        return f"{self._folder(name)}/{_DATA}"

    def remove_unnamed(self, mounts: tuple[Mount, ...]) -> None:
        """Remove the volumes among the mounts that no user has named."""
        for mount in mounts:
            if mount.kind == VOLUME and mount.source and os.path.exists(f"{self._folder(mount.source)}/{_UNNAMED}"):
                self._remove(mount.source)

    def _named(self, mount: Mount) -> Mount:
        name = mount.source or os.urandom(32).hex()
        self._make(name)
        if not mount.source:
            os.close(os.open(f"{self._folder(name)}/{_UNNAMED}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return mount._replace(source=name)

    def _folder(self, name: str) -> str:
        if not name or name in {".", ".."} or len(name) > _LONGEST_NAME or not _SIGNS.issuperset(name):
            raise VolumeInvalid(name, "is no name of a volume")
        return f"{self._directory}/{name}"

    def _make(self, name: str) -> None:
        with UsualUmask():
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            os.makedirs(self._folder(name), mode=0o700, exist_ok=True)
            os.makedirs(self.path(name), mode=0o755, exist_ok=True)

    def _fill(self, mount: Mount, root: int) -> None:
        folder, marker = self._folder(mount.source), f"{self._folder(mount.source)}/{_FILLING}"
        with Held(f"{folder}/{_LOCK}"):
            if os.path.exists(marker):
                _empty(self.path(mount.source))
            elif os.listdir(self.path(mount.source)):
                return
            os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            try:
                _copy(root, mount.destination, self.path(mount.source))
            except OSError as error:
                raise VolumeInvalid(mount.source, f"cannot be filled: {error.strerror}") from error
            os.unlink(marker)

    def _remove(self, name: str) -> None:
        trees.remove_path(self._folder(name))


def _copy(root: int, place: str, target: str) -> None:
    """Copy what the image has at a place, found as a program in the container would find it."""
    try:
        source = open_in_root(root, place, DIRECTORY)
    except CallFailed as error:
        if is_missing(error):
            return
        raise VolumeInvalid(place, str(error)) from error
    try:
        into = os.open(target, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            copy_tree(source, into)
        finally:
            os.close(into)
    finally:
        os.close(source)


def _empty(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in os.listdir(descriptor):
            trees.remove(descriptor, name)
    finally:
        os.close(descriptor)
