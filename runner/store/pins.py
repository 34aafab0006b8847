"""Pins: what containers need of a store, for as long as they are there; unlike leases, they outlast processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

from oci_spec.digest import Digest
from runner.store.folders import Store


def pin(store: Store, name: str, *, blobs: Iterable[Digest], layers: Iterable[Digest]) -> None:
    """Let nobody remove these until the pin `name` is taken out; what is not there any more does not come back."""
    names = [*(f"blob {digest}" for digest in blobs), *(f"layer {chain_id}" for chain_id in layers)]
    with store.locked(), open(store.pin(name), "w", encoding="ascii") as file:
        json.dump(names, file)


def unpin(store: Store, name: str) -> None:
    """Take a pin out; it may be repeated. What it held stays until the next collection."""
    with suppress(FileNotFoundError):
        os.unlink(store.pin(name))


def pinned(store: Store) -> Iterator[tuple[str, Digest]]:
    """`blob` or `layer`, and the digest, of all that is pinned now; the store's lock is the caller's."""
    for name in os.listdir(store.path("pins")):
        with suppress(FileNotFoundError), open(store.pin(name), "rb") as file:
            for line in json.loads(file.read() or b"[]"):
                kind, _, text = line.partition(" ")
                yield kind, Digest.parse(text)
