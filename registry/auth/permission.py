"""What a route or a service needs of whoever asks."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What is needed. Those of a repository are asked with its name, the others without."""

    PUBLIC = "public"  # answers no question about content: health, the version check, the API document
    ENTER = (
        "enter"  # to have brought a token or credentials: what login commands ask for, and learn how from its refusal
    )
    OBSERVE = "observe"  # figures about the whole registry
    CATALOG = "catalog"  # names of repositories; asked with one too: it is shown to whoever may pull from it
    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    MAINTAIN = "maintain"  # tags moved by hand and protected, the description
    OWN = "own"  # visibility, owner, and who else may do what
    SELF = "self"  # one's own account and tokens; organisations and teams, whose services ask who owns them
    ADMINISTER = "administer"  # all accounts, signing keys, the audit log


OF_REPOSITORIES: Final = frozenset(
    {Permission.PULL, Permission.PUSH, Permission.DELETE, Permission.MAINTAIN, Permission.OWN}
)
"""The permissions that are about one repository."""
