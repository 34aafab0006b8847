"""Robots, in the form that the web API takes and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.roles import Role
from registry.http.web_api import cursors
from registry.http.web_api.queries import NameQuery
from registry.http.web_api.representations import Time
from registry.metadata.account_rows import Account
from registry.services import robots
from registry.services.robots import RoleWish


class RobotQuery(NameQuery, frozen=True, kw_only=True):
    """A page of the list of robots."""

    namespace: (
        Annotated[
            str,
            Meta(
                max_length=limits.ACCOUNT_NAME_CHARACTERS,
                # Python's `$` also stands before a newline at the end.
                pattern="^[a-z0-9._-]+(?!\\n)$",
                description="Only robots of this namespace.",
            ),
        ]
        | None
    ) = None

    @property
    def of(self) -> AccountName | None:
        """The namespace that is meant, None for all.

        Raises:
            AccountNameInvalid: it is none.
        """
        return None if self.namespace is None else AccountName.parse(self.namespace)


class RobotRole(Struct, frozen=True, forbid_unknown_fields=True):
    """What a robot is in a repository, or in all that a pattern with `*` fits."""

    repository: Annotated[str, Meta(examples=["team/*"])]
    role: Role

    @property
    def wish(self) -> RoleWish:
        """The same as a value.

        Raises:
            PatternInvalid: no repository is meant.
        """
        return RoleWish(self.role, RepositoryPattern.parse(self.repository))


class NewRobot(Struct, frozen=True, forbid_unknown_fields=True):
    """A robot to be made: its namespace's name, a plus sign and a name of its own; what it may do, and its first token.

    Without `roles` it may do nothing until it is granted one. Without a token it has to log in in another way.
    """

    name: Annotated[str, Meta(examples=["team+ci"])]
    roles: Annotated[list[RobotRole], Meta(max_length=limits.ROBOT_ROLES)] = []
    with_token: bool = True
    token_expires_at: Annotated[Time | None, Meta(description="When the token ends; without it, never.")] = None


class Robot(Struct, frozen=True):
    """The account of a program, in a namespace whose owners look after it."""

    name: str
    namespace: str
    is_disabled: bool
    created_at: Time
    created_by: str


class RobotDetail(Robot, frozen=True):
    """A robot, and what it was granted."""

    roles: list[RobotRole]


class MadeRobot(RobotDetail, frozen=True):
    """A robot that was just made. `token` is the secret that it logs in with, and is told this once."""

    token: str | None


class RobotChange(Struct, frozen=True, forbid_unknown_fields=True):
    """How a robot shall stand: a disabled one has no rights, and neither have its tokens."""

    is_disabled: bool


class RobotPage(Struct, frozen=True):
    """Some of the robots that were asked for, by name; `next_cursor` leads to the next."""

    robots: list[Robot]
    next_cursor: str | None


def robot_page(found: Sequence[Account], query: RobotQuery) -> RobotPage:
    """A page of robots, from rows that were asked for one further than the page."""
    page = found[: query.limit]
    cursor = cursors.write_name(page[-1].name) if len(found) > len(page) else None
    return RobotPage([_robot(account) for account in page], cursor)


def robot_detail(found: robots.Robot) -> RobotDetail:
    """All about one robot."""
    roles = [RobotRole(grant.pattern, Role(grant.role)) for grant in found.grants]
    return RobotDetail(**msgspec.structs.asdict(_robot(found.account)), roles=roles)


def made_robot(found: robots.Robot, token: str | None) -> MadeRobot:
    """A robot that was just made, with the secret of its token."""
    return MadeRobot(**msgspec.structs.asdict(robot_detail(found)), token=token)


def _robot(account: Account) -> Robot:
    return Robot(
        name=account.name,
        namespace=AccountName.parse(account.name).namespace,
        is_disabled=account.is_disabled,
        created_at=account.created_at,
        created_by=account.created_by,
    )
