"""Layers on their way into the store: unpacked aside, and put in their place when they are whole."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from oci_spec.digest import Digest
from runner.store.folders import Store, sync_directory, write_durably
from runner.store.layers import RECORD
from runner.store.locks import claimed
from runner.trees import remove

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class StagedLayer:
    """The directory in which a layer is unpacked, held by this process (and those that it gives the descriptor to)."""

    def __init__(self, store: Store, chain_id: Digest, descriptor: int) -> None:
        self._store = store
        self._chain_id = chain_id
        self._is_layer = False
        self.descriptor = descriptor

    def clear(self) -> None:
        """Make an empty `diff` in it; what somebody else left behind goes."""
        for name in os.listdir(self.descriptor):
            remove(self.descriptor, name)
        os.mkdir("diff", dir_fd=self.descriptor)
        # The root of containers, whatever this process hides of its own files.
        os.chmod("diff", 0o755, dir_fd=self.descriptor)  # noqa: S103 - nobody else reaches into the store

    def commit(self, diff_id: Digest, size: int) -> None:
        """Make it the layer: its `diff` has been verified and synced."""
        staged = self._store.unpacking(self._chain_id)
        record = {"diff_id": str(diff_id), "size": size}
        write_durably(f"{staged}/{RECORD}", json.dumps(record).encode())
        os.rename(staged, self._store.layer(self._chain_id))
        self._is_layer = True
        sync_directory(self._store.path("layers"))

    def discard(self) -> None:
        """Remove it with all that has been unpacked, unless it has become a layer."""
        if self._is_layer:
            return
        for name in os.listdir(self.descriptor):
            remove(self.descriptor, name)
        os.rmdir(self._store.unpacking(self._chain_id))

    def close(self) -> None:
        """Let others have it."""
        os.close(self.descriptor)


def claim(store: Store, chain_id: Digest) -> StagedLayer | None:
    """A place to unpack the layer in; None while another process has it."""
    path = store.unpacking(chain_id)
    while True:
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        try:
            descriptor = claimed(path, _DIRECTORY)
        except FileNotFoundError:
            continue  # Who had it has just finished with it.
        return None if descriptor is None else StagedLayer(store, chain_id, descriptor)
