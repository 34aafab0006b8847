"""The values that the collection of garbage reads and decides by. Sizes are bytes, `id` fields the tables' own keys."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from oci_spec.digest import Digest


class GarbageTerms(msgspec.Struct, frozen=True):
    """What is old enough: leases are over that ended before `moment`, and all else must have rested since `before`."""

    moment: datetime
    before: datetime


class LooseManifest(msgspec.Struct, frozen=True):
    """A manifest that no tag names and no lease holds, and that rested long enough; others may still hold it."""

    id: int
    digest: Digest
    size: int
    subject: Digest | None


class Holders(msgspec.Struct, frozen=True):
    """What keeps a loose manifest as long as it is there itself: those that list it, and its subject; as ids."""

    parents: frozenset[int] = frozenset()
    subject: int | None = None

    def all(self) -> frozenset[int]:
        """The ids of all of them."""
        return self.parents if self.subject is None else self.parents | {self.subject}


class LooseLink(msgspec.Struct, frozen=True):
    """A link whose lease is over; `referenced` says whether a manifest of the repository refers to the blob."""

    blob_id: int
    digest: Digest
    size: int
    referenced: bool


class RestingBlob(msgspec.Struct, frozen=True):
    """A blob whose bytes came long enough ago; `linked` says whether a repository holds it."""

    id: int
    digest: Digest
    size: int
    key: str
    linked: bool


class RemovalOrder(msgspec.Struct, frozen=True):
    """Loose manifests that nothing but each other holds.

    Of `trees` each comes after all that hold it, so that any first part of them may go alone; those in `rings` hold
    each other, such as an index and the subject that it lists, or are held by such, and can only go together.
    """

    trees: list[LooseManifest]
    rings: list[LooseManifest]


def removal_order(loose: Iterable[LooseManifest], holders: Mapping[int, Holders]) -> RemovalOrder:
    """Tell which of the `loose` manifests of a repository nothing holds but others that go too, and in which order."""
    known = {manifest.id: manifest for manifest in loose}
    held_by = {number: holders[number].all() if number in holders else frozenset() for number in known}
    holding: dict[int, list[int]] = {}
    for number, those in held_by.items():
        for holder in those:
            holding.setdefault(holder, []).append(number)
    kept = _reached((number for number, those in held_by.items() if not those <= known.keys()), holding)
    order = _unfolded({number: len(those) for number, those in held_by.items() if number not in kept}, holding)
    rings = known.keys() - kept - set(order)
    return RemovalOrder([known[number] for number in order], [known[number] for number in sorted(rings)])


def _reached(starts: Iterable[int], holding: Mapping[int, list[int]]) -> set[int]:
    """All that `starts` hold, and what those hold, and so on."""
    reached: set[int] = set()
    waiting = deque(starts)
    while waiting:
        number = waiting.popleft()
        if number not in reached:
            reached.add(number)
            waiting += holding.get(number, ())
    return reached


def _unfolded(held: dict[int, int], holding: Mapping[int, Collection[int]]) -> list[int]:
    """Those of `held`, which counts the holders of each, one after another, each after all its holders."""
    order = [number for number, count in held.items() if count == 0]
    for number in order:
        for below in holding.get(number, ()):
            if below in held:
                held[below] -= 1
                if held[below] == 0:
                    order.append(below)
    return order
