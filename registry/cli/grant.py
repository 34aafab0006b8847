"""`registry grant`: who may do what in which repositories."""

import click

from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.roles import Role
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.options import ACCOUNT, REPOSITORY_PATTERN, as_json, configured
from registry.cli.running import with_services
from registry.config import Resolved
from registry.services import grants


@click.group("grant")
def command() -> None:
    """Say who may do what in which repositories."""


@command.command("set")
@click.argument("who", type=ACCOUNT)
@click.argument("role", type=click.Choice([str(role) for role in Role]), metavar="ROLE")
@click.argument("repository", type=REPOSITORY_PATTERN)
@as_json
@configured()
def put(resolved: Resolved, *, who: AccountName, role: str, repository: RepositoryPattern, json_output: bool) -> None:
    """Let WHO be ROLE (reader, writer, maintainer, owner) in REPOSITORY: a name, or a pattern such as `team/*`."""
    with_services(resolved.config, lambda services: grants.put(services, OPERATOR, who, Role(role), pattern=repository))
    if json_output:
        output.print_json({"name": str(who), "role": role, "repository": str(repository)})
    else:
        click.echo(f"{who} is {role} in {repository}")


@command.command("list")
@click.argument("who", type=ACCOUNT)
@as_json
@configured()
def list_grants(resolved: Resolved, who: AccountName, json_output: bool) -> None:
    """List what was granted to WHO."""
    found = with_services(resolved.config, lambda services: grants.listing(services, OPERATOR, who))
    if json_output:
        rows = [{"repository": each.pattern, "role": each.role, "created_at": each.created_at} for each in found]
        output.print_json({"name": str(who), "grants": rows})
    else:
        output.print_table(
            ["REPOSITORY", "ROLE", "SINCE"], [[each.pattern, each.role, each.created_at] for each in found]
        )


@command.command("rm")
@click.argument("who", type=ACCOUNT)
@click.argument("repository", type=REPOSITORY_PATTERN)
@as_json
@configured()
def remove(resolved: Resolved, *, who: AccountName, repository: RepositoryPattern, json_output: bool) -> None:
    """Take back what was granted to WHO by REPOSITORY, written as it was granted."""
    with_services(resolved.config, lambda services: grants.remove(services, OPERATOR, who, repository))
    if json_output:
        output.print_json({"name": str(who), "removed": str(repository)})
    else:
        click.echo(f"{who} is granted nothing on {repository}")
