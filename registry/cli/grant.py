"""`registry grant`: who may do what in which repositories."""

import click

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.roles import Role
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.groups import Group
from registry.cli.options import GRANTEE, REPOSITORY, REPOSITORY_PATTERN, as_json, configured
from registry.cli.pages import every
from registry.cli.running import operator_access, with_services
from registry.config import Resolved
from registry.metadata.account_rows import Grant
from registry.services import grants, repository_roles
from registry.services.context import Services
from registry.services.repository_roles import Holder, RepositoryRoles, Source


@click.group("grant", cls=Group)
def command() -> None:
    """Say who may do what in which repositories."""


@command.command("set")
@click.argument("who", type=GRANTEE)
@click.argument("role", type=click.Choice([str(role) for role in Role]), metavar="ROLE")
@click.argument("repository", type=REPOSITORY_PATTERN)
@as_json
@configured()
def put(resolved: Resolved, *, who: Grantee, role: str, repository: RepositoryPattern, json_output: bool) -> None:
    """Let WHO be ROLE (reader, writer, maintainer, owner) in REPOSITORY: a name, or a pattern such as `team/*`."""
    with_services(resolved.config, lambda services: grants.put(services, OPERATOR, who, Role(role), pattern=repository))
    if json_output:
        output.print_json({"name": str(who), "role": role, "repository": str(repository)})
    else:
        click.echo(f"{who} is {role} in {repository}")


@command.command("list")
@click.argument("who", type=GRANTEE, required=False)
@click.option("--repository", type=REPOSITORY, metavar="NAME", help="List all who have a role in this repository.")
@as_json
@configured()
def list_grants(
    resolved: Resolved, *, who: Grantee | None, repository: RepositoryName | None, json_output: bool
) -> None:
    """List what was granted to WHO, or who may do what in a repository and by what."""
    if (who is None) == (repository is None):
        raise click.UsageError("say whose grants with WHO, or the roles in which repository with --repository")
    if who is not None:
        _list_of(resolved, who, json_output=json_output)
    elif repository is not None:
        _list_in(resolved, repository, json_output=json_output)


@command.command("rm")
@click.argument("who", type=GRANTEE)
@click.argument("repository", type=REPOSITORY_PATTERN)
@as_json
@configured()
def remove(resolved: Resolved, *, who: Grantee, repository: RepositoryPattern, json_output: bool) -> None:
    """Take back what was granted to WHO by REPOSITORY, written as it was granted."""
    with_services(resolved.config, lambda services: grants.remove(services, OPERATOR, who, repository))
    if json_output:
        output.print_json({"name": str(who), "removed": str(repository)})
    else:
        click.echo(f"{who} is granted nothing on {repository}")


def _list_of(resolved: Resolved, who: Grantee, *, json_output: bool) -> None:
    found = with_services(resolved.config, lambda services: _grants_of(services, who))
    if json_output:
        rows = [
            {
                "repository": each.pattern,
                "role": each.role,
                "created_at": each.created_at,
                "created_by": each.created_by,
            }
            for each in found
        ]
        output.print_json({"name": str(who), "grants": rows})
    else:
        output.print_table(
            ["REPOSITORY", "ROLE", "SINCE"], [[each.pattern, each.role, each.created_at] for each in found]
        )


def _list_in(resolved: Resolved, repository: RepositoryName, *, json_output: bool) -> None:
    found = with_services(resolved.config, lambda services: _roles_in(services, repository))
    if json_output:
        roles = [
            {"name": holder.name, "role": holder.role, "sources": [_source_as_json(each) for each in holder.sources]}
            for holder in found.holders
        ]
        output.print_json({"repository": str(repository), "visibility": found.visibility, "roles": roles})
    else:
        rows = [[holder.name, holder.role, ", ".join(map(_source_as_text, holder.sources))] for holder in found.holders]
        output.print_table(["WHO", "ROLE", "BY"], rows)


async def _grants_of(services: Services, who: Grantee) -> list[Grant]:
    async def page(pattern: str) -> list[Grant]:
        after = RepositoryPattern(pattern) if pattern else None
        return await grants.listing(services, OPERATOR, who, after=after, limit=limits.PAGE_ENTRIES)

    return await every(page, lambda each: each.pattern)


async def _roles_in(services: Services, repository: RepositoryName) -> RepositoryRoles:
    access = await operator_access(services, Permission.OWN, repository)

    async def page(name: str) -> list[Holder]:
        return (await repository_roles.show(services, access, after=name, limit=limits.PAGE_ENTRIES)).holders

    told = await repository_roles.show(services, access, limit=0)
    return RepositoryRoles(told.visibility, await every(page, lambda each: each.name))


def _source_as_json(source: Source) -> dict[str, str | None]:
    return {"role": source.role, "repository": source.pattern, "team": source.team}


def _source_as_text(source: Source) -> str:
    if source.pattern is None:
        return "owns the namespace"
    of_team = f" of {source.team}" if source.team is not None else ""
    return f"{source.role} in {source.pattern}{of_team}"
