"""Where an image store keeps what: one directory, which needs no root's rights, and a lock for what all must agree on.

    lock                    held while the index or the leases are changed, and while what is unused is collected
    index.json              the images and their names
    blobs/sha256/<hex>      manifests, configurations and layers as they were received, verified
    partial/sha256-<hex>    what has come of a blob so far; locked by who receives it
    layers/<hex>/diff       a layer, unpacked for overlayfs, under its chain ID; layer.json beside it
    unpacking/<hex>         a layer while it is unpacked; locked by who does it
    leases/<random>         what somebody is about to use, and the index does not name yet; locked by that process
    pins/<name>             what a container needs, until it is removed
    trash/<random>          on its way out

What has its final name is whole and on the disk: it comes there by a rename, after a sync. The rest may be left behind
by a process that was killed; then it is locked by nobody, and whoever finds it goes on with it or removes it.
"""

from __future__ import annotations

import os

from oci_spec.digest import ALGORITHMS, Digest
from runner.store.locks import Held

_FOLDERS = (
    *("partial", "layers", "unpacking", "leases", "trash"), *(f"blobs/{algorithm}" for algorithm in ALGORITHMS), "pins"
)  # fmt: skip


class Store:
    """The store in the directory `root`, which is made when it is not there."""

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        if not os.path.isdir(f"{self.root}/{_FOLDERS[-1]}"):
            self._make()

    def path(self, name: str) -> str:
        """The absolute path of something in the store."""
        return f"{self.root}/{name}"

    def blob(self, digest: Digest) -> str:
        """The file of a blob, be it there or not."""
        return f"{self.root}/blobs/{digest.algorithm}/{digest.encoded}"

    def partial(self, digest: Digest) -> str:
        """The file of what has come of a blob so far."""
        return f"{self.root}/partial/{digest.algorithm}-{digest.encoded}"

    def layer(self, chain_id: Digest) -> str:
        """The directory of a layer; its `diff` is what overlayfs takes."""
        return f"{self.root}/layers/{chain_id.encoded}"

    def unpacking(self, chain_id: Digest) -> str:
        """The directory of a layer while it is unpacked."""
        return f"{self.root}/unpacking/{chain_id.encoded}"

    def pin(self, name: str) -> str:
        """The file that says what somebody needs."""
        return f"{self.root}/pins/{name}"

    def locked(self) -> Held:
        """Within it the store's lock is held, for moments only: nothing is downloaded or deleted meanwhile."""
        return Held(self.path("lock"))

    def _make(self) -> None:
        # Programs with set-ID bits lie in it: nobody else may reach them.
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        for folder in _FOLDERS:
            os.makedirs(f"{self.root}/{folder}", mode=0o700, exist_ok=True)


def sync_directory(path: str) -> None:
    """Bring the names in a directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: str, content: bytes) -> None:
    """Give a file new content, whole or not at all, whatever happens to process or machine."""
    written = f"{path}.{os.getpid()}"
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except BaseException:
        os.unlink(written)
        raise
    finally:
        os.close(descriptor)
    os.rename(written, path)
    sync_directory(os.path.dirname(path))
