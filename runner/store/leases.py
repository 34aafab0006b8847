"""Leases: what a process is about to use, so that no collection removes it before the index names it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from oci_spec.digest import Digest
from runner.store.folders import Store
from runner.store.locks import claimed


class Lease:
    """A list of blobs and layers that nobody removes while it is held; changed under the store's lock only."""

    def __init__(self, store: Store, descriptor: int) -> None:
        self._store = store
        self._descriptor = descriptor
        self._names: list[str] = []

    def add(self, *, blobs: Iterable[Digest] = (), layers: Iterable[Digest] = ()) -> None:
        """Hold these too, be they there already or not."""
        self._names += [f"blob {digest}" for digest in blobs]
        self._names += [f"layer {chain_id}" for chain_id in layers]
        content = json.dumps(self._names).encode()
        with self._store.locked():
            os.pwrite(self._descriptor, content, 0)


@contextmanager
def leasing(store: Store) -> Iterator[Lease]:
    """A lease that lasts to the end of the block, or of the process."""
    path = f"{store.path('leases')}/{os.urandom(12).hex()}"
    # Under the lock, or a collection would find it without its own lock, and take it for a dead process's.
    with store.locked():
        descriptor = claimed(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    assert descriptor is not None
    try:
        yield Lease(store, descriptor)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)
        os.close(descriptor)


def leased(store: Store) -> tuple[set[Digest], set[Digest]]:
    """The blobs and the layers that are held now; the store's lock is the caller's. Leases of the dead are removed."""
    blobs: set[Digest] = set()
    layers: set[Digest] = set()
    for name in os.listdir(store.path("leases")):
        path = f"{store.path('leases')}/{name}"
        with suppress(FileNotFoundError):
            descriptor = claimed(path, os.O_RDONLY)
            if descriptor is not None:
                os.unlink(path)
                os.close(descriptor)
                continue
            with open(path, "rb") as file:
                for line in json.loads(file.read() or b"[]"):
                    kind, _, text = line.partition(" ")
                    (blobs if kind == "blob" else layers).add(Digest.parse(text))
    return blobs, layers
