"""Pins: what containers need of a store, for as long as they are there; unlike leases, they outlast processes."""

from __future__ import annotations

import os

from oci_spec.digest import Digest
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.store.folders import Store


def pin(store: Store, name: str, *, blobs: Iterable[Digest], layers: Iterable[Digest]) -> None:
    """Let nobody remove these until the pin `name` is taken out; what is not there any more does not come back."""
    lines = [*(f"blob {digest}\n" for digest in blobs), *(f"layer {chain_id}\n" for chain_id in layers)]
    with store.locked(), open(store.pin(name), "w", encoding="utf-8") as file:
        file.writelines(lines)


def unpin(store: Store, name: str) -> None:
    """Take a pin out; it may be repeated. What it held stays until the next collection."""
    with Suppressed(FileNotFoundError):
        os.unlink(store.pin(name))


def pinned(store: Store) -> Iterator[tuple[str, Digest]]:
    """`blob` or `layer`, and the digest, of all that is pinned now; the store's lock is the caller's."""
    for name in os.listdir(store.path("pins")):
        with Suppressed(FileNotFoundError), open(store.pin(name), encoding="utf-8") as file:
            for line in file:
                kind, _, text = line.rstrip().partition(" ")
                yield kind, Digest.parse(text)
