"""`registry repository`: the repositories that the registry holds."""

import sys

import click

from oci_spec.reference import RepositoryName
from registry.auth.policy import Permission
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.options import REPOSITORY, as_json, configured
from registry.cli.running import operator_access, with_services
from registry.config import Resolved
from registry.services import catalog, deletion
from registry.services.context import Services


@click.group("repository")
def command() -> None:
    """List, show and remove repositories."""


@command.command("list")
@as_json
@configured()
def list_repositories(resolved: Resolved, json_output: bool) -> None:
    """List the repositories in byte order."""
    names = with_services(resolved.config, _names)
    if json_output:
        output.print_json({"repositories": names})
    else:
        output.print_table(["REPOSITORY"], [[name] for name in names])


@command.command("rm")
@click.argument("repository", type=REPOSITORY)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@configured()
def remove(resolved: Resolved, repository: RepositoryName, yes: bool, json_output: bool) -> None:
    """Remove REPOSITORY with its tags, their history, its manifests and upload sessions.

    Its bytes are freed later, when no other repository holds them.
    """
    _confirm(f"Remove {repository} with all its tags and manifests?", yes)
    with_services(resolved.config, lambda services: _remove(services, repository))
    if json_output:
        output.print_json({"removed": str(repository)})
    else:
        click.echo(f"{repository} is removed")


async def _names(services: Services) -> list[str]:
    page = await catalog.page(services, OPERATOR, None, None)
    names = page.names
    while page.more:
        page = await catalog.page(services, OPERATOR, None, RepositoryName.parse(names[-1]))
        names += page.names
    return names


async def _remove(services: Services, repository: RepositoryName) -> None:
    await deletion.repository(services, operator_access(services, Permission.DELETE, repository))


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked whether this is meant; say so with --yes")
    click.confirm(question, abort=True, err=True)
