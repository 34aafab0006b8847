"""`registry repository describe`, `visibility` and `chown`: what the owners of repositories say of them."""

from pathlib import Path

import click

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.cli import output
from registry.cli.options import GRANTEE, REPOSITORY, REPOSITORY_PATTERN, as_json, configured
from registry.cli.running import operator_access, refusals, with_services
from registry.config import Resolved
from registry.errors import DescriptionInvalid
from registry.metadata.rows import Visibility
from registry.services import repository_roles, repository_settings
from registry.services.context import Services
from registry.services.description import Description


@click.command("describe")
@click.argument("repository", type=REPOSITORY)
@click.option("--text", metavar="TEXT", help="The description; empty for none.")
@click.option(
    "--file",
    "source",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Read it from FILE, or from standard input if that is `-`.",
)
@as_json
@configured()
def describe(
    resolved: Resolved, *, repository: RepositoryName, text: str | None, source: Path | None, json_output: bool
) -> None:
    """Describe REPOSITORY, in Markdown; its first line stands in lists."""
    if (text is None) == (source is None):
        raise click.UsageError("say the description with --text, or where to read it with --file")
    with refusals():
        description = Description.parse(_read(source) if source is not None else text or "")
    with_services(resolved.config, lambda services: _describe(services, repository, description))
    if json_output:
        output.print_json({"name": str(repository), "description": description.text})
    else:
        click.echo(f"{repository} is described" if description.text else f"{repository} has no description any more")


@click.command("visibility")
@click.argument("pattern", type=REPOSITORY_PATTERN)
@click.argument("visibility", metavar="public|private", type=click.Choice([each.value for each in Visibility]))
@as_json
@configured()
def change_visibility(resolved: Resolved, pattern: RepositoryPattern, visibility: str, json_output: bool) -> None:
    """Let everyone pull from the repositories that fit PATTERN (public), or only who was granted it (private).

    PATTERN is a repository, or one with `*` for any text. Repositories to come are not meant.
    """
    to = Visibility(visibility)
    changed = with_services(resolved.config, lambda services: _change_visibility(services, pattern, to))
    if not changed:
        raise click.ClickException(f"no repository fits {pattern}")
    if json_output:
        output.print_json({"visibility": to, "repositories": [str(name) for name in changed]})
    else:
        click.echo("\n".join(f"{name} is {to}" for name in changed))


@click.command("chown")
@click.argument("pattern", type=REPOSITORY_PATTERN)
@click.argument("owner", type=GRANTEE)
@as_json
@configured()
def change_owner(resolved: Resolved, *, pattern: RepositoryPattern, owner: Grantee, json_output: bool) -> None:
    """Let the repositories that fit PATTERN belong to OWNER, and to nobody else whom they were granted by name.

    PATTERN is a repository, or one with `*` for any text. Repositories to come are not meant: they belong to the owners
    of their namespace, whose rights stay as they are (`registry org member add --owner`).
    """
    changed = with_services(resolved.config, lambda services: _change_owner(services, pattern, owner))
    if not changed:
        raise click.ClickException(f"no repository fits {pattern}")
    if json_output:
        output.print_json({"owner": str(owner), "repositories": [str(name) for name in changed]})
    else:
        click.echo("\n".join(f"{name} is {owner}'s" for name in changed))


def _read(source: Path) -> str:
    """The text of a file, no more of which is read than a description can have.

    Raises:
        DescriptionInvalid: it is too long, or no UTF-8.
        OSError: it cannot be read.
    """
    with click.open_file(str(source), "rb") as file:
        content: bytes = file.read(limits.DESCRIPTION_BYTES + 1)
    if len(content) > limits.DESCRIPTION_BYTES:
        raise DescriptionInvalid(f"it has more than {limits.DESCRIPTION_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise DescriptionInvalid("it is no text in UTF-8") from None


async def _describe(services: Services, repository: RepositoryName, description: Description) -> None:
    access = await operator_access(services, Permission.MAINTAIN, repository)
    await repository_settings.describe(services, access, description)


async def _change_visibility(
    services: Services, pattern: RepositoryPattern, visibility: Visibility
) -> list[RepositoryName]:
    names = await repository_settings.matching(services, pattern)
    for name in names:
        access = await operator_access(services, Permission.OWN, name)
        await repository_settings.set_visibility(services, access, visibility)
    return names


async def _change_owner(services: Services, pattern: RepositoryPattern, owner: Grantee) -> list[RepositoryName]:
    names = await repository_settings.matching(services, pattern)
    for name in names:
        access = await operator_access(services, Permission.OWN, name)
        await repository_roles.change_owner(services, access, owner)
    return names
