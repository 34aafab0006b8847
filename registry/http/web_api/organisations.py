"""Organisations and who belongs to them, in the web API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers
from registry.http.web_api import organisation_representations as representations
from registry.http.web_api.operations import describes
from registry.http.web_api.organisation_representations import (
    MemberChange,
    MemberPage,
    NewOrganisation,
    Organisation,
    OrganisationPage,
)
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.http.web_api.queries import NameQuery
from registry.services import organisations

routes = RouteTable("api_organisations")

_LIST: Final = "/api/v1/organisations"
_PATH: Final = "/api/v1/organisations/{organisation}"
_MEMBERS: Final = f"{_PATH}/members"
_MEMBER: Final = f"{_MEMBERS}/{{account}}"


@routes.get(_LIST, permission=Permission.SELF)
@describes(
    "List the organisations that you belong to, or all to administrators", query=NameQuery, answer=OrganisationPage
)
async def list_organisations(call: Call) -> web.StreamResponse:
    """Answer a page of the organisations that the subject may know of."""
    query = read_query(call, NameQuery)
    # One more than the page, to learn whether there is a next one.
    found = await organisations.listing(call.services, call.subject, after=query.after, limit=query.limit + 1)
    return answers.page(call, representations.organisation_page(found, query))


@routes.post(_LIST, permission=Permission.ADMINISTER)
@describes(
    "Make an organisation, to which nobody belongs yet",
    body=NewOrganisation,
    answer=Organisation,
    status=HTTPStatus.CREATED,
)
async def create_organisation(call: Call) -> web.StreamResponse:
    """Make an organisation."""
    read_query(call, NoParameters)
    name = AccountName.parse((await read_body(call, NewOrganisation)).name)
    made = await organisations.create(call.services, call.subject, name)
    return answers.made(call, f"{_LIST}/{name}", representations.organisation(made))


@routes.get(_PATH, permission=Permission.SELF)
@describes("Show an organisation that you belong to", answer=Organisation)
async def show_organisation(call: Call) -> web.StreamResponse:
    """Answer one organisation."""
    read_query(call, NoParameters)
    found = await organisations.show(call.services, call.subject, _organisation(call))
    return answers.content(representations.organisation(found))


@routes.delete(_PATH, permission=Permission.SELF)
@describes("Remove an organisation that is yours and has no repositories, with its teams and robots")
async def delete_organisation(call: Call) -> web.StreamResponse:
    """Remove an organisation."""
    read_query(call, NoParameters)
    await organisations.remove(call.services, call.subject, _organisation(call))
    return answers.nothing()


@routes.get(_MEMBERS, permission=Permission.SELF)
@describes("List who belongs to an organisation that you belong to", query=NameQuery, answer=MemberPage)
async def list_members(call: Call) -> web.StreamResponse:
    """Answer a page of the members of an organisation."""
    query, name = read_query(call, NameQuery), _organisation(call)
    found = await organisations.members(call.services, call.subject, name, after=query.after, limit=query.limit + 1)
    return answers.page(call, representations.member_page(name, found, query))


@routes.put(_MEMBER, permission=Permission.SELF)
@describes("Let somebody belong to an organisation that is yours, as an owner or not", body=MemberChange)
async def set_member(call: Call) -> web.StreamResponse:
    """Let a person belong to an organisation."""
    read_query(call, NoParameters)
    name, person, change = _organisation(call), _account(call), await read_body(call, MemberChange)
    await organisations.set_member(call.services, call.subject, name, person, is_owner=change.is_owner)
    return answers.nothing()


@routes.delete(_MEMBER, permission=Permission.SELF)
@describes("Let somebody belong to an organisation that is yours no more, or leave one yourself")
async def remove_member(call: Call) -> web.StreamResponse:
    """Let a person belong to an organisation no more."""
    read_query(call, NoParameters)
    await organisations.remove_member(call.services, call.subject, _organisation(call), _account(call))
    return answers.nothing()


def _organisation(call: Call) -> AccountName:
    return AccountName.parse(call.parameters["organisation"])


def _account(call: Call) -> AccountName:
    return AccountName.parse(call.parameters["account"])
