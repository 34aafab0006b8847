"""`registry repository`: the repositories that the registry holds."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click
from msgspec.structs import replace

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.access import Access
from registry.auth.permission import Permission
from registry.auth.subject import OPERATOR
from registry.cli import output, repository_settings
from registry.cli.confirming import confirm
from registry.cli.groups import Group
from registry.cli.options import REPOSITORY, as_json, configured
from registry.cli.running import operator_access, with_services
from registry.config import Resolved
from registry.metadata.rows import RepositorySearch, RepositorySummary
from registry.services import deletion, inspection, repository_roles, search
from registry.services.context import Services
from registry.services.description import headline
from registry.services.search import SearchText


@dataclass(frozen=True, slots=True)
class _Owned:
    """A repository, and to whom it belongs."""

    summary: RepositorySummary
    owners: tuple[str, ...]


@click.group("repository", cls=Group)
def command() -> None:
    """Show, find, describe, publish, give away and remove repositories."""


command.add_command(repository_settings.describe)
command.add_command(repository_settings.change_visibility)
command.add_command(repository_settings.change_owner)


@command.command("list")
@as_json
@configured()
def list_repositories(resolved: Resolved, json_output: bool) -> None:
    """List the repositories in byte order."""
    found = with_services(resolved.config, _all)
    if json_output:
        output.print_json({"repositories": [_as_json(each) for each in found]})
    else:
        _print(found)


@command.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--limit", type=click.IntRange(1, limits.WEB_API_PAGE_MAX), default=25, show_default=True, help="Most to print."
)
@as_json
@configured()
def search_repositories(resolved: Resolved, *, words: tuple[str, ...], limit: int, json_output: bool) -> None:
    """Find the repositories that have all WORDS in their names or descriptions, the best first."""
    found, complete = with_services(resolved.config, lambda services: _found(services, " ".join(words), limit))
    if json_output:
        output.print_json({"repositories": [_as_json(each) for each in found], "complete": complete})
    else:
        _print(found)


@command.command("show")
@click.argument("repository", type=REPOSITORY)
@as_json
@configured()
def show(resolved: Resolved, repository: RepositoryName, json_output: bool) -> None:
    """Show REPOSITORY: whose it is, who may pull from it, its tags, when it was made and changed, its description."""
    owned, description = with_services(resolved.config, lambda services: _one(services, repository))
    if json_output:
        output.print_json({**_as_json(owned), "description": description})
        return
    summary = owned.summary
    rows: list[list[object]] = [
        ["owner", _owners_as_text(owned)],
        ["tags", summary.tags],
        ["visibility", summary.visibility],
        ["created", summary.created_at],
        ["changed", summary.updated_at],
        ["pulls", summary.pulls],
        ["last pull", summary.pulled_at],
    ]
    output.print_table(["REPOSITORY", str(summary.name)], rows)
    if description:
        click.echo(f"\n{description.rstrip()}")


@command.command("rm")
@click.argument("repository", type=REPOSITORY)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--protected-too", is_flag=True, help="Remove it also if it has protected tags.")
@as_json
@configured()
def remove(
    resolved: Resolved, *, repository: RepositoryName, yes: bool, protected_too: bool, json_output: bool
) -> None:
    """Remove REPOSITORY with its tags, their history, its manifests and upload sessions.

    Its bytes are freed later, when no other repository holds them.
    """
    confirm(f"Remove {repository} with all its tags and manifests?", yes)
    removal = deletion.repository_with_protected_tags if protected_too else deletion.repository
    with_services(resolved.config, lambda services: _remove(services, repository, removal))
    if json_output:
        output.print_json({"removed": str(repository)})
    else:
        click.echo(f"{repository} is removed")


async def _all(services: Services) -> list[_Owned]:
    search = RepositorySearch(limit=services.settings.page_entries)
    page = await inspection.repositories(services, OPERATOR, search)
    found = await _owned(services, page.repositories)
    while page.after is not None:
        page = await inspection.repositories(services, OPERATOR, replace(search, after=page.after))
        found += await _owned(services, page.repositories)
    return found


async def _found(services: Services, text: str, limit: int) -> tuple[list[_Owned], bool]:
    page = await search.repositories(services, OPERATOR, SearchText.parse(text), limit=limit)
    return await _owned(services, page.repositories), page.complete


async def _one(services: Services, repository: RepositoryName) -> tuple[_Owned, str]:
    access = await operator_access(services, Permission.PULL, repository)
    shown = await inspection.repository(services, access)
    [owned] = await _owned(services, [shown.summary])
    return owned, shown.description


async def _owned(services: Services, found: Sequence[RepositorySummary]) -> list[_Owned]:
    owners = await repository_roles.owners(services, [summary.name for summary in found])
    return list(map(_Owned, found, owners))


async def _remove(
    services: Services, repository: RepositoryName, removal: Callable[[Services, Access], Awaitable[None]]
) -> None:
    await removal(services, await operator_access(services, Permission.DELETE, repository))


def _print(found: Iterable[_Owned]) -> None:
    rows = [_cells(each) for each in found]
    output.print_table(["REPOSITORY", "OWNER", "TAGS", "VISIBILITY", "PULLS", "CHANGED", "DESCRIPTION"], rows)


def _cells(owned: _Owned) -> list[object]:
    summary = owned.summary
    return [
        summary.name,
        _owners_as_text(owned),
        summary.tags,
        summary.visibility,
        summary.pulls,
        summary.updated_at,
        headline(summary.opening),
    ]


def _owners_as_text(owned: _Owned) -> str:
    return ", ".join(owned.owners)


def _as_json(owned: _Owned) -> dict[str, Any]:
    summary = owned.summary
    return {
        "name": str(summary.name),
        "owners": list(owned.owners),
        "tags": summary.tags,
        "visibility": summary.visibility,
        "headline": headline(summary.opening),
        "created_at": summary.created_at,
        "updated_at": summary.updated_at,
        "pulls": summary.pulls,
        "pulled_at": summary.pulled_at,
    }
