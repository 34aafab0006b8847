"""`registry tag protect`, `unprotect` and `protections`: which tags cannot be moved or removed."""

import click

from oci_spec.reference import RepositoryName
from registry.auth.permission import Permission
from registry.cli import output
from registry.cli.options import REPOSITORY, TAG_PATTERN, as_json, configured
from registry.cli.running import operator_access, with_services
from registry.config import Resolved
from registry.metadata.rows import Protection
from registry.services import protections
from registry.services.context import Services
from registry.services.tag_pattern import TagPattern


@click.command("protect")
@click.argument("repository", type=REPOSITORY)
@click.argument("pattern", type=TAG_PATTERN)
@as_json
@configured()
def protect(resolved: Resolved, repository: RepositoryName, pattern: TagPattern, json_output: bool) -> None:
    """Protect the tags of REPOSITORY that fit PATTERN: a tag, or a pattern with `*`; also those to come.

    A protected tag is made once, and then neither moved nor removed.
    """
    with_services(resolved.config, lambda services: _protect(services, repository, pattern))
    if json_output:
        output.print_json({"name": str(repository), "protected": str(pattern)})
    else:
        click.echo(f"{repository}:{pattern} is protected")


@click.command("unprotect")
@click.argument("repository", type=REPOSITORY)
@click.argument("pattern", type=TAG_PATTERN)
@as_json
@configured()
def unprotect(resolved: Resolved, repository: RepositoryName, pattern: TagPattern, json_output: bool) -> None:
    """Take back the protection of REPOSITORY by PATTERN; tags that fit another one stay protected."""
    with_services(resolved.config, lambda services: _unprotect(services, repository, pattern))
    if json_output:
        output.print_json({"name": str(repository), "unprotected": str(pattern)})
    else:
        click.echo(f"{repository}:{pattern} is not protected any more")


@click.command("protections")
@click.argument("repository", type=REPOSITORY)
@as_json
@configured()
def list_protections(resolved: Resolved, repository: RepositoryName, json_output: bool) -> None:
    """List which tags of REPOSITORY are protected, since when and by whom."""
    found = with_services(resolved.config, lambda services: _list(services, repository))
    if json_output:
        rows = [
            {"pattern": each.pattern, "created_at": each.created_at, "created_by": each.created_by} for each in found
        ]
        output.print_json({"name": str(repository), "protections": rows})
    else:
        output.print_table(
            ["PATTERN", "SINCE", "BY"], [[each.pattern, each.created_at, each.created_by] for each in found]
        )


async def _protect(services: Services, repository: RepositoryName, pattern: TagPattern) -> None:
    await protections.protect(services, await operator_access(services, Permission.MAINTAIN, repository), pattern)


async def _unprotect(services: Services, repository: RepositoryName, pattern: TagPattern) -> None:
    await protections.unprotect(services, await operator_access(services, Permission.MAINTAIN, repository), pattern)


async def _list(services: Services, repository: RepositoryName) -> list[Protection]:
    return await protections.listing(services, await operator_access(services, Permission.PULL, repository))
