"""`registry team`: teams of organisations."""

import click

from registry import limits
from registry.auth.account_name import AccountName, TeamName
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.confirming import confirm
from registry.cli.groups import Group
from registry.cli.options import ACCOUNT, TEAM, as_json, configured
from registry.cli.pages import every
from registry.cli.running import with_services
from registry.config import Resolved
from registry.metadata.account_rows import Team
from registry.services import teams
from registry.services.context import Services


@click.group("team", cls=Group)
def command() -> None:
    """Make, list, show and remove teams of organisations, and say who is in them."""


@command.command("create")
@click.argument("name", type=TEAM)
@as_json
@configured()
def create(resolved: Resolved, name: TeamName, json_output: bool) -> None:
    """Make the team NAME, such as `org/builders`, with nobody in it."""
    with_services(resolved.config, lambda services: teams.create(services, OPERATOR, name))
    output.tell(f"team {name} is made", {"name": str(name)}, json_output=json_output)


@command.command("list")
@click.argument("organisation", type=ACCOUNT)
@as_json
@configured()
def list_teams(resolved: Resolved, organisation: AccountName, json_output: bool) -> None:
    """List the teams of ORGANISATION in byte order."""
    found = with_services(resolved.config, lambda services: _all(services, organisation))
    if json_output:
        rows = [{"name": f"{organisation}/{each.name}", "created_at": each.created_at} for each in found]
        output.print_json({"organisation": str(organisation), "teams": rows})
    else:
        output.print_table(["TEAM", "CREATED"], [[f"{organisation}/{each.name}", each.created_at] for each in found])


@command.command("show")
@click.argument("name", type=TEAM)
@as_json
@configured()
def show(resolved: Resolved, name: TeamName, json_output: bool) -> None:
    """Show who is in the team NAME."""
    found = with_services(resolved.config, lambda services: _members(services, name))
    if json_output:
        output.print_json({"name": str(name), "members": found})
    else:
        output.print_table(["MEMBER"], [[each] for each in found])


@command.command("rm")
@click.argument("name", type=TEAM)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@configured()
def remove(resolved: Resolved, *, name: TeamName, yes: bool, json_output: bool) -> None:
    """Remove the team NAME with what was granted to it."""
    confirm(f"Remove the team {name} with what was granted to it?", yes)
    with_services(resolved.config, lambda services: teams.remove(services, OPERATOR, name))
    output.tell(f"team {name} is removed", {"name": str(name)}, json_output=json_output)


@command.group("member")
def member() -> None:
    """Say who is in a team."""


@member.command("add")
@click.argument("name", type=TEAM)
@click.argument("who", type=ACCOUNT)
@as_json
@configured()
def add_member(resolved: Resolved, *, name: TeamName, who: AccountName, json_output: bool) -> None:
    """Take WHO, who belongs to its organisation or is a robot of that, into the team NAME."""
    with_services(resolved.config, lambda services: teams.add_member(services, OPERATOR, name, who))
    output.tell(f"{who} is in {name}", {"name": str(name), "member": str(who)}, json_output=json_output)


@member.command("rm")
@click.argument("name", type=TEAM)
@click.argument("who", type=ACCOUNT)
@as_json
@configured()
def remove_member(resolved: Resolved, *, name: TeamName, who: AccountName, json_output: bool) -> None:
    """Take WHO out of the team NAME."""
    with_services(resolved.config, lambda services: teams.remove_member(services, OPERATOR, name, who))
    output.tell(f"{who} is not in {name}", {"name": str(name), "removed": str(who)}, json_output=json_output)


async def _all(services: Services, organisation: AccountName) -> list[Team]:
    return await every(
        lambda after: teams.listing(services, OPERATOR, organisation, after=after, limit=limits.PAGE_ENTRIES),
        lambda each: each.name,
    )


async def _members(services: Services, name: TeamName) -> list[str]:
    return await every(
        lambda after: teams.members(services, OPERATOR, name, after=after, limit=limits.PAGE_ENTRIES), str
    )
