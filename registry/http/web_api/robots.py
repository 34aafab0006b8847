"""Robots, in the web API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.errors import NAME_UNKNOWN, NamespaceUnknown
from registry.http.call import Call
from registry.http.routing import Malformed, RouteTable
from registry.http.web_api import answers
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.http.web_api.robot_representations import (
    MadeRobot,
    NewRobot,
    RobotChange,
    RobotDetail,
    RobotPage,
    RobotQuery,
    made_robot,
    robot_detail,
    robot_page,
)
from registry.metadata.account_rows import Account
from registry.services import robots
from registry.services.credentials import TokenWish

routes = RouteTable("api_robots")

_LIST: Final = "/api/v1/robots"
_PATH: Final = "/api/v1/robots/{robot}"
# Nobody pushes here: a namespace that is not there, or not for the asker to know of, is just not found.
_HIDDEN: Final[Malformed] = {NamespaceUnknown: NAME_UNKNOWN}


@routes.get(_LIST, permission=Permission.SELF, malformed=_HIDDEN)
@describes("List the robots that are yours, all or those of a namespace", query=RobotQuery, answer=RobotPage)
async def list_robots(call: Call) -> web.StreamResponse:
    """Answer a page of the robots that the subject looks after."""
    query = read_query(call, RobotQuery)
    return answers.page(call, robot_page(await _listed(call, query), query))


@routes.post(_LIST, permission=Permission.SELF, malformed=_HIDDEN)
@describes(
    "Make a robot in a namespace that is yours, with roles and a token; needs a password, not a token",
    body=NewRobot,
    answer=MadeRobot,
    status=HTTPStatus.CREATED,
)
async def create_robot(call: Call) -> web.StreamResponse:
    """Make a robot, and tell the secret of its token."""
    read_query(call, NoParameters)
    wanted = await read_body(call, NewRobot)
    token = TokenWish(name=robots.FIRST_TOKEN, expires_at=wanted.token_expires_at) if wanted.with_token else None
    robot, made = await robots.create(
        call.services, call.subject, AccountName.parse(wanted.name), [each.wish for each in wanted.roles], token=token
    )
    secret = made[0] if made is not None else None
    return answers.made(call, f"{_LIST}/{robot.account.name}", made_robot(robot, secret))


@routes.get(_PATH, permission=Permission.SELF)
@describes("Show a robot, and what it was granted", answer=RobotDetail)
async def show_robot(call: Call) -> web.StreamResponse:
    """Answer one robot."""
    read_query(call, NoParameters)
    return answers.content(robot_detail(await robots.show(call.services, call.subject, _robot(call))))


@routes.patch(_PATH, permission=Permission.SELF)
@describes("Take all rights from a robot, or give them back, which needs a password, not a token", body=RobotChange)
async def change_robot(call: Call) -> web.StreamResponse:
    """Disable a robot, or enable it again."""
    read_query(call, NoParameters)
    change = await read_body(call, RobotChange)
    set_state = robots.disable if change.is_disabled else robots.enable
    await set_state(call.services, call.subject, _robot(call))
    return answers.nothing()


@routes.delete(_PATH, permission=Permission.SELF)
@describes("Remove a robot with its tokens and what it was granted")
async def delete_robot(call: Call) -> web.StreamResponse:
    """Remove a robot."""
    read_query(call, NoParameters)
    await robots.remove(call.services, call.subject, _robot(call))
    return answers.nothing()


async def _listed(call: Call, query: RobotQuery) -> list[Account]:
    # One more than the page, to learn whether there is a next one.
    limit = query.limit + 1
    if query.of is None:
        return await robots.listing(call.services, call.subject, after=query.after, limit=limit)
    return await robots.listing_of(call.services, call.subject, query.of, after=query.after, limit=limit)


def _robot(call: Call) -> AccountName:
    return AccountName.parse(call.parameters["robot"])
