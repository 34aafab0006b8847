"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from registry.auth.scope import EVERYTHING, Scope


class SubjectKind(StrEnum):
    """What sort of actor a subject is."""

    ANONYMOUS = "anonymous"
    OPERATOR = "operator"
    SYSTEM = "system"
    USER = "user"
    ROBOT = "robot"


PASSWORD: Final = "password"  # noqa: S105 - the kind, not one
"""The kind of a proof that was a password."""

FEDERATED: Final = "federated"
"""The kind of a proof that was a token of an OpenID provider, which is trusted for a robot."""

BEARER: Final = "bearer"
"""The kind of a proof that was a token made for whoever had another proof."""

EXTERNAL: Final = "external"
"""The kind of a proof that was a token of a token server that is not ours."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What proved who is asking.

    `kind` is `password`, `personal`, `robot`, `refresh`, `bearer`, `external` or `federated`.
    `generation` is the account's when the proof was made: a proof falls with its generation. `credential_id` is the
    credential that was used, or that a bearer token was made for; a proof falls with it too. `granted` is what a bearer
    token says that it may be used for (None: any other proof, which `Subject.scope` alone narrows).
    """

    kind: str
    generation: int
    credential_id: int | None = None
    granted: frozenset[tuple[str, str]] | None = None

    def __str__(self) -> str:
        """What the audit log says of it: the kind, and which credential; nothing that could be used."""
        return self.kind if self.credential_id is None else f"{self.kind}:{self.credential_id}"


@dataclass(frozen=True, slots=True)
class Subject:
    """An actor as the policy and the history know it; `str(subject)` is what tables and logs record."""

    kind: SubjectKind
    name: str = ""
    account_id: int | None = field(default=None, compare=False)
    proof: Proof | None = field(default=None, compare=False)
    scope: Scope = field(default=EVERYTHING, compare=False)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


ANONYMOUS = Subject(SubjectKind.ANONYMOUS)
"""A client that brought no credentials."""

OPERATOR = Subject(SubjectKind.OPERATOR)
"""Whoever runs the `registry` command beside the database and the storage: they own both."""


def system(job: str) -> Subject:
    """The registry itself, at work in the background job `job`."""
    return Subject(SubjectKind.SYSTEM, job)
