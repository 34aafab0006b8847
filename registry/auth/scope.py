"""How far a credential reaches: the repositories and the actions to which it narrows what its account may do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from oci_spec.reference import RepositoryName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission


class Action(StrEnum):
    """What a credential may be used for. `manage` is all that is not pulling, pushing or deleting."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    MANAGE = "manage"


_NEEDS: Final[Mapping[Permission, Action | None]] = {
    Permission.PUBLIC: None,
    Permission.ENTER: None,
    Permission.CATALOG: Action.PULL,
    Permission.PULL: Action.PULL,
    Permission.PUSH: Action.PUSH,
    Permission.DELETE: Action.DELETE,
    Permission.MAINTAIN: Action.MANAGE,
    Permission.OWN: Action.MANAGE,
    Permission.OBSERVE: Action.MANAGE,
    Permission.SELF: Action.MANAGE,
    Permission.ADMINISTER: Action.MANAGE,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """`actions` on the repositories that one of `patterns` fits; what is not about a repository needs its action only.

    Credentials that are about some repositories cannot manage anything else, whatever their actions are.
    """

    actions: frozenset[Action]
    patterns: tuple[RepositoryPattern, ...]

    def covers(self, permission: Permission, repository: RepositoryName | None) -> bool:
        """Whether the credential may be used for `permission` on `repository` (None: on the registry as a whole)."""
        action = _NEEDS[permission]
        if action is None:
            return True
        if action not in self.actions:
            return False
        if repository is None:
            return permission is Permission.CATALOG or EVERYTHING.patterns[0] in self.patterns
        return any(pattern.fits(repository) for pattern in self.patterns)

    @classmethod
    def read(cls, text: str) -> Scope:
        """The scope that `str` made `text` of; only what this program wrote is ever read."""
        document = json.loads(text)
        return cls(
            frozenset(map(Action, document["actions"])), tuple(map(RepositoryPattern.parse, document["patterns"]))
        )

    def __str__(self) -> str:
        return json.dumps({"actions": sorted(self.actions), "patterns": [str(pattern) for pattern in self.patterns]})


EVERYTHING: Final = Scope(frozenset(Action), (RepositoryPattern("*"),))
"""The scope of a credential that may do all that its account may."""
