"""`registry org`: organisations, and who belongs to them."""

import click
from msgspec.structs import asdict

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.confirming import confirm
from registry.cli.groups import Group
from registry.cli.options import ACCOUNT, as_json, configured
from registry.cli.pages import every
from registry.cli.running import with_services
from registry.config import Resolved
from registry.metadata.account_rows import Member, OrganisationSummary
from registry.services import organisations
from registry.services.context import Services


@click.group("org", cls=Group)
def command() -> None:
    """Make, list, show and remove organisations, and say who belongs to them."""


@command.command("create")
@click.argument("name", type=ACCOUNT)
@as_json
@configured()
def create(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Make the organisation NAME, in which several people share repositories."""
    with_services(resolved.config, lambda services: organisations.create(services, OPERATOR, name))
    output.tell(f"organisation {name} is made", {"name": str(name)}, json_output=json_output)


@command.command("list")
@as_json
@configured()
def list_organisations(resolved: Resolved, json_output: bool) -> None:
    """List the organisations in byte order."""
    found = with_services(resolved.config, _all)
    if json_output:
        output.print_json({"organisations": [asdict(each) for each in found]})
    else:
        rows = [[each.name, each.members, each.teams, each.repositories, each.created_at] for each in found]
        output.print_table(["ORGANISATION", "MEMBERS", "TEAMS", "REPOSITORIES", "CREATED"], rows)


@command.command("show")
@click.argument("name", type=ACCOUNT)
@as_json
@configured()
def show(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Show who belongs to the organisation NAME."""
    found = with_services(resolved.config, lambda services: _members(services, name))
    if json_output:
        members = [{"name": each.name, "is_owner": each.is_owner, "created_at": each.created_at} for each in found]
        output.print_json({"name": str(name), "members": members})
    else:
        rows = [[each.name, "owner" if each.is_owner else "member", each.created_at] for each in found]
        output.print_table(["MEMBER", "AS", "SINCE"], rows)


@command.command("rm")
@click.argument("name", type=ACCOUNT)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@configured()
def remove(resolved: Resolved, *, name: AccountName, yes: bool, json_output: bool) -> None:
    """Remove the organisation NAME, which has no repositories any more, with its teams and robots."""
    confirm(f"Remove the organisation {name} with its teams and robots?", yes)
    with_services(resolved.config, lambda services: organisations.remove(services, OPERATOR, name))
    output.tell(f"organisation {name} is removed", {"name": str(name)}, json_output=json_output)


@command.group("member")
def member() -> None:
    """Say who belongs to an organisation."""


@member.command("add")
@click.argument("name", type=ACCOUNT)
@click.argument("user", type=ACCOUNT)
@click.option("--owner", is_flag=True, help="As an owner of all its repositories.")
@as_json
@configured()
def add_member(resolved: Resolved, *, name: AccountName, user: AccountName, owner: bool, json_output: bool) -> None:
    """Let USER belong to the organisation NAME; said again, it changes whether as an owner."""
    with_services(
        resolved.config, lambda services: organisations.set_member(services, OPERATOR, name, user, is_owner=owner)
    )
    sentence = f"{user} is {'an owner' if owner else 'a member'} of {name}"
    output.tell(sentence, {"name": str(name), "member": str(user), "is_owner": owner}, json_output=json_output)


@member.command("rm")
@click.argument("name", type=ACCOUNT)
@click.argument("user", type=ACCOUNT)
@as_json
@configured()
def remove_member(resolved: Resolved, *, name: AccountName, user: AccountName, json_output: bool) -> None:
    """Let USER belong to the organisation NAME and its teams no more."""
    with_services(resolved.config, lambda services: organisations.remove_member(services, OPERATOR, name, user))
    output.tell(f"{user} is no member of {name}", {"name": str(name), "removed": str(user)}, json_output=json_output)


async def _all(services: Services) -> list[OrganisationSummary]:
    return await every(
        lambda after: organisations.listing(services, OPERATOR, after=after, limit=limits.PAGE_ENTRIES),
        lambda each: each.name,
    )


async def _members(services: Services, name: AccountName) -> list[Member]:
    return await every(
        lambda after: organisations.members(services, OPERATOR, name, after=after, limit=limits.PAGE_ENTRIES),
        lambda each: each.name,
    )
