"""Teams of organisations and who is in them, in the web API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from registry.auth.account_name import AccountName, TeamName
from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers
from registry.http.web_api import organisation_representations as representations
from registry.http.web_api.operations import describes
from registry.http.web_api.organisation_representations import NewTeam, Team, TeamMemberPage, TeamPage
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.http.web_api.queries import NameQuery
from registry.services import teams

routes = RouteTable("api_teams")

_LIST: Final = "/api/v1/organisations/{organisation}/teams"
_PATH: Final = f"{_LIST}/{{team}}"
_MEMBERS: Final = f"{_PATH}/members"
_MEMBER: Final = f"{_MEMBERS}/{{account}}"


@routes.get(_LIST, permission=Permission.SELF)
@describes("List the teams of an organisation that you belong to", query=NameQuery, answer=TeamPage)
async def list_teams(call: Call) -> web.StreamResponse:
    """Answer a page of the teams of an organisation."""
    query, name = read_query(call, NameQuery), AccountName.parse(call.parameters["organisation"])
    # One more than the page, to learn whether there is a next one.
    found = await teams.listing(call.services, call.subject, name, after=query.after, limit=query.limit + 1)
    return answers.page(call, representations.team_page(name, found, query))


@routes.post(_LIST, permission=Permission.SELF)
@describes(
    "Make a team in an organisation that is yours, with nobody in it",
    body=NewTeam,
    answer=Team,
    status=HTTPStatus.CREATED,
)
async def create_team(call: Call) -> web.StreamResponse:
    """Make a team."""
    read_query(call, NoParameters)
    name = _named(call, (await read_body(call, NewTeam)).name)
    made = await teams.create(call.services, call.subject, name)
    path = _PATH.format(organisation=name.organisation, team=name.team)
    return answers.made(call, path, representations.team(name, made))


@routes.get(_PATH, permission=Permission.SELF)
@describes("Show a team of an organisation that you belong to", answer=Team)
async def show_team(call: Call) -> web.StreamResponse:
    """Answer one team."""
    read_query(call, NoParameters)
    name = _team(call)
    return answers.content(representations.team(name, await teams.show(call.services, call.subject, name)))


@routes.delete(_PATH, permission=Permission.SELF)
@describes("Remove a team of an organisation that is yours, with what was granted to it")
async def delete_team(call: Call) -> web.StreamResponse:
    """Remove a team."""
    read_query(call, NoParameters)
    await teams.remove(call.services, call.subject, _team(call))
    return answers.nothing()


@routes.get(_MEMBERS, permission=Permission.SELF)
@describes("List who is in a team of an organisation that you belong to", query=NameQuery, answer=TeamMemberPage)
async def list_team_members(call: Call) -> web.StreamResponse:
    """Answer a page of who is in a team."""
    query, name = read_query(call, NameQuery), _team(call)
    found = await teams.members(call.services, call.subject, name, after=query.after, limit=query.limit + 1)
    return answers.page(call, representations.team_member_page(name, found, query))


@routes.put(_MEMBER, permission=Permission.SELF)
@describes("Take somebody of an organisation that is yours, or a robot of it, into a team")
async def add_team_member(call: Call) -> web.StreamResponse:
    """Take somebody into a team."""
    read_query(call, NoParameters)
    await teams.add_member(call.services, call.subject, _team(call), AccountName.parse(call.parameters["account"]))
    return answers.nothing()


@routes.delete(_MEMBER, permission=Permission.SELF)
@describes("Take somebody out of a team of an organisation that is yours")
async def remove_team_member(call: Call) -> web.StreamResponse:
    """Take somebody out of a team."""
    read_query(call, NoParameters)
    await teams.remove_member(call.services, call.subject, _team(call), AccountName.parse(call.parameters["account"]))
    return answers.nothing()


def _team(call: Call) -> TeamName:
    return _named(call, call.parameters["team"])


def _named(call: Call, team: str) -> TeamName:
    return TeamName.parse(f"{call.parameters['organisation']}/{team}")
