"""What a role in a repository lets its holder do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from registry.auth.permission import Permission


class Role(StrEnum):
    """What somebody is to a repository; each role may do all that those before it may."""

    READER = "reader"
    WRITER = "writer"
    MAINTAINER = "maintainer"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """A number that grows with what the role may do."""
        return _RANKS[self]


_RANKS: Final = {role: rank for rank, role in enumerate(Role)}

NEEDS: Final[Mapping[Permission, Role]] = {
    Permission.PULL: Role.READER,
    Permission.PUSH: Role.WRITER,
    Permission.DELETE: Role.MAINTAINER,
    Permission.MAINTAIN: Role.MAINTAINER,
    Permission.OWN: Role.OWNER,
}
"""The least role that each permission in a repository needs."""
