"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SubjectKind(StrEnum):
    """What sort of actor a subject is."""

    ANONYMOUS = "anonymous"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Subject:
    """An actor as the policy and the history know it; `str(subject)` is what tables and logs record."""

    kind: SubjectKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


ANONYMOUS = Subject(SubjectKind.ANONYMOUS)
"""A client that brought no credentials."""

OPERATOR = Subject(SubjectKind.OPERATOR)
"""Whoever runs the `registry` command beside the database and the storage: they own both."""


def system(job: str) -> Subject:
    """The registry itself, at work in the background job `job`."""
    return Subject(SubjectKind.SYSTEM, job)
