"""What a collection of garbage removed, or would remove, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName


class GarbageKind(StrEnum):
    """What becomes garbage, in the order in which one frees the next."""

    MANIFEST = "manifest"
    LINK = "link"
    """A blob's place in one repository; its bytes are still there for others."""
    BLOB = "blob"


class Reason(StrEnum):
    """Why something is garbage. Those that end in `going` depend on other garbage, which must go first."""

    UNTAGGED = "untagged"
    PARENTS_GOING = "parents-going"
    SUBJECT_MISSING = "subject-missing"
    SUBJECT_GOING = "subject-going"
    UNREFERENCED = "unreferenced"
    MANIFESTS_GOING = "manifests-going"
    UNLINKED = "unlinked"
    LINKS_GOING = "links-going"


class GarbageItem(msgspec.Struct, frozen=True):
    """One piece of garbage; a blob belongs to no repository any more. `size` is in bytes."""

    kind: GarbageKind
    reason: Reason
    repository: RepositoryName | None
    digest: Digest
    size: int


class Total(msgspec.Struct, frozen=True):
    """How many pieces there are, and their bytes together."""

    count: int = 0
    size: int = 0


@dataclass(slots=True)
class GarbageReport:
    """The totals of one collection, by kind and reason."""

    totals: dict[tuple[GarbageKind, Reason], Total] = field(default_factory=dict)

    def add(self, item: GarbageItem) -> None:
        """Count one more piece."""
        before = self.totals.get((item.kind, item.reason), Total())
        self.totals[item.kind, item.reason] = Total(before.count + 1, before.size + item.size)

    def rows(self) -> list[tuple[GarbageKind, Reason, Total]]:
        """All totals, in the order in which one kind frees the next."""
        return [
            (kind, reason, self.totals[kind, reason])
            for kind in GarbageKind
            for reason in Reason
            if (kind, reason) in self.totals
        ]

    def total(self, kind: GarbageKind) -> Total:
        """All pieces of one kind, whatever the reason."""
        those = [total for (its_kind, _), total in self.totals.items() if its_kind is kind]
        return Total(sum(total.count for total in those), sum(total.size for total in those))


Listener = Callable[[GarbageItem], None]
"""Is told of each piece as it is found or removed: their list may be long, and only some want it."""


def unheard(_item: GarbageItem) -> None:
    """Let a piece go by unheard."""
