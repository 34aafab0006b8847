"""Organisations, their members and their teams, in the form that the web API takes and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from registry.auth.account_name import AccountName, TeamName
from registry.http.web_api import cursors
from registry.http.web_api.queries import NameQuery
from registry.http.web_api.representations import Size, Time
from registry.metadata import account_rows
from registry.metadata.account_rows import OrganisationSummary


class Organisation(Struct, frozen=True):
    """An organisation, and how many members, teams and repositories it has."""

    name: str
    created_at: Time
    members: Size
    teams: Size
    repositories: Size


class OrganisationPage(Struct, frozen=True):
    """Some of the organisations that were asked for, by name; `next_cursor` leads to the next."""

    organisations: list[Organisation]
    next_cursor: str | None


class NewOrganisation(Struct, frozen=True, forbid_unknown_fields=True):
    """An organisation to be made; no user may have its name."""

    name: Annotated[str, Meta(examples=["team"])]


class Member(Struct, frozen=True):
    """Somebody who belongs to an organisation, as an owner of all its repositories or not, and since when."""

    name: str
    is_owner: bool
    created_at: Time


class MemberPage(Struct, frozen=True):
    """Some who belong to an organisation, by name; `next_cursor` leads to the next."""

    organisation: str
    members: list[Member]
    next_cursor: str | None


class MemberChange(Struct, frozen=True, forbid_unknown_fields=True):
    """As what somebody shall belong to an organisation."""

    is_owner: bool


class Team(Struct, frozen=True):
    """A team of an organisation, which is granted roles as `@organisation/name`."""

    organisation: str
    name: str
    created_at: Time


class TeamPage(Struct, frozen=True):
    """Some of the teams of an organisation, by name; `next_cursor` leads to the next."""

    organisation: str
    teams: list[Team]
    next_cursor: str | None


class NewTeam(Struct, frozen=True, forbid_unknown_fields=True):
    """A team to be made."""

    name: Annotated[str, Meta(examples=["builders"])]


class TeamMemberPage(Struct, frozen=True):
    """The names of some who are in a team, people and robots; `next_cursor` leads to the next."""

    organisation: str
    team: str
    members: list[str]
    next_cursor: str | None


def organisation(found: OrganisationSummary) -> Organisation:
    """One organisation."""
    return Organisation(**_fields(Organisation, found))


def organisation_page(found: Sequence[OrganisationSummary], query: NameQuery) -> OrganisationPage:
    """A page of organisations, from rows that were asked for one further than the page."""
    names = [each.name for each in found]
    return OrganisationPage([organisation(each) for each in found[: query.limit]], _next(names, query))


def member_page(name: AccountName, found: Sequence[account_rows.Member], query: NameQuery) -> MemberPage:
    """A page of members, from rows that were asked for one further than the page."""
    members = [Member(**_fields(Member, each)) for each in found[: query.limit]]
    return MemberPage(str(name), members, _next([each.name for each in found], query))


def team(name: TeamName, found: account_rows.Team) -> Team:
    """One team."""
    return Team(str(name.organisation), found.name, found.created_at)


def team_page(name: AccountName, found: Sequence[account_rows.Team], query: NameQuery) -> TeamPage:
    """A page of teams, from rows that were asked for one further than the page."""
    teams = [Team(str(name), each.name, each.created_at) for each in found[: query.limit]]
    return TeamPage(str(name), teams, _next([each.name for each in found], query))


def team_member_page(name: TeamName, found: Sequence[str], query: NameQuery) -> TeamMemberPage:
    """A page of who is in a team, from rows that were asked for one further than the page."""
    return TeamMemberPage(str(name.organisation), name.team, list(found[: query.limit]), _next(found, query))


def _fields(kind: type[Struct], found: object) -> dict[str, Any]:
    return {name: getattr(found, name) for name in kind.__struct_fields__}


def _next(names: Sequence[str], query: NameQuery) -> str | None:
    return cursors.write_name(names[query.limit - 1]) if len(names) > query.limit else None
