"""`registry tag`: the tags of a repository, and what they named before."""

import sys
from typing import Any

import click
from msgspec.structs import replace

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.reference import Reference, RepositoryName, Tag
from registry import limits
from registry.auth.permission import Permission
from registry.cli import output, tag_protection
from registry.cli.groups import Group
from registry.cli.options import DIGEST, REFERENCE, REPOSITORY, TAG, as_json, configured
from registry.cli.running import operator_access, with_services
from registry.config import Resolved
from registry.metadata.rows import TagRow, TagSearch
from registry.services import deletion, inspection, pull, tags
from registry.services.context import Services
from registry.services.inspection import ListedTag


@click.group("tag", cls=Group)
def command() -> None:
    """List, move, restore, remove and protect tags, and show their history."""


command.add_command(tag_protection.protect)
command.add_command(tag_protection.unprotect)
command.add_command(tag_protection.list_protections)


@command.command("list")
@click.argument("repository", type=REPOSITORY)
@as_json
@configured()
def list_tags(resolved: Resolved, repository: RepositoryName, json_output: bool) -> None:
    """List the tags of REPOSITORY in byte order, with the manifest that each names."""
    found = with_services(resolved.config, lambda services: _all(services, repository))
    if json_output:
        output.print_json({"name": str(repository), "tags": [_listed_as_json(tag) for tag in found]})
    else:
        output.print_table(
            ["TAG", "DIGEST", "SIZE", "PLATFORMS", "PUSHED", "PULLS"],
            [
                [
                    tag.detail.name,
                    tag.detail.digest,
                    output.size(tag.detail.size),
                    _platforms(tag),
                    tag.detail.pushed_at,
                    tag.detail.pulls,
                ]
                for tag in found
            ],
        )


@command.command("move")
@click.argument("repository", type=REPOSITORY)
@click.argument("tag", type=TAG)
@click.argument("target", type=REFERENCE)
@as_json
@configured()
def move(resolved: Resolved, *, repository: RepositoryName, tag: Tag, target: Reference, json_output: bool) -> None:
    """Make TAG of REPOSITORY name TARGET, which is another tag or a digest there.

    TAG is made if it does not exist. What it named before stays in its history.
    """
    digest = with_services(resolved.config, lambda services: _point(services, repository, tag, target))
    if json_output:
        output.print_json({"name": str(repository), "tag": str(tag), "digest": str(digest)})
    else:
        click.echo(f"{repository}:{tag} names {digest}")


@command.command("restore")
@click.argument("repository", type=REPOSITORY)
@click.argument("tag", type=TAG)
@click.option("--digest", type=DIGEST, metavar="DIGEST", help="The manifest to name again.")
@click.option("--steps", type=click.IntRange(1, limits.RESTORE_STEPS), help="Steps of its history to go back; 1.")
@as_json
@configured()
def restore(
    resolved: Resolved,
    *,
    repository: RepositoryName,
    tag: Tag,
    digest: Digest | None,
    steps: int | None,
    json_output: bool,
) -> None:
    """Make TAG of REPOSITORY name again what it named before; also a tag that is gone."""
    if digest is not None and steps is not None:
        raise click.UsageError("--digest and --steps are two ways to say one thing; give one")
    named = with_services(resolved.config, lambda services: _restore(services, repository, tag, digest or steps or 1))
    if json_output:
        output.print_json({"name": str(repository), "tag": str(tag), "digest": str(named)})
    else:
        click.echo(f"{repository}:{tag} names {named}")


@command.command("rm")
@click.argument("repository", type=REPOSITORY)
@click.argument("names", metavar="TAG...", type=TAG, nargs=-1, required=True)
@as_json
@configured()
def remove(resolved: Resolved, repository: RepositoryName, names: tuple[Tag, ...], json_output: bool) -> None:
    """Remove each TAG of REPOSITORY; the manifests stay, and so do their other tags.

    Ends at the first tag that cannot be removed; those before it are gone.
    """
    removed: list[str] = []
    try:
        with_services(resolved.config, lambda services: _remove(services, repository, names, removed))
    finally:
        if json_output:
            output.print_json({"name": str(repository), "removed": removed})
        else:
            sys.stdout.writelines(f"{repository}:{name} is removed\n" for name in removed)


@command.command("history")
@click.argument("repository", type=REPOSITORY)
@click.argument("tag", type=TAG)
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most entries to show.")
@as_json
@configured()
def history(resolved: Resolved, *, repository: RepositoryName, tag: Tag, limit: int, json_output: bool) -> None:
    """Show what TAG of REPOSITORY has named, newest first, and who moved it; also of a tag that is gone."""
    entries = with_services(resolved.config, lambda services: _history(services, repository, tag, limit))
    if json_output:
        output.print_json(
            {"name": str(repository), "tag": str(tag), "history": [_entry_as_json(entry) for entry in entries]}
        )
    else:
        output.print_table(
            ["DIGEST", "FROM", "UNTIL", "MOVED BY", "ENDED BY"],
            [[entry.digest, entry.valid_from, entry.valid_until, entry.actor, entry.ended_by] for entry in entries],
        )


async def _all(services: Services, repository: RepositoryName) -> list[ListedTag]:
    access = await operator_access(services, Permission.PULL, repository)
    search = TagSearch(limit=services.settings.page_entries)
    page = await inspection.tags(services, access, search)
    found = page.tags
    while page.after is not None:
        page = await inspection.tags(services, access, replace(search, after=page.after))
        found += page.tags
    return found


async def _point(services: Services, repository: RepositoryName, tag: Tag, target: Reference) -> Digest:
    reader = await operator_access(services, Permission.PULL, repository)
    digest = target if isinstance(target, Digest) else (await pull.manifest(services, reader, target)).digest
    await tags.point(services, await operator_access(services, Permission.MAINTAIN, repository), tag, digest)
    return digest


async def _restore(services: Services, repository: RepositoryName, tag: Tag, target: Digest | int) -> Digest:
    return await tags.restore(services, await operator_access(services, Permission.MAINTAIN, repository), tag, target)


async def _remove(services: Services, repository: RepositoryName, names: tuple[Tag, ...], removed: list[str]) -> None:
    access = await operator_access(services, Permission.DELETE, repository)
    for name in names:
        await deletion.tag(services, access, name)
        removed.append(str(name))


async def _history(services: Services, repository: RepositoryName, tag: Tag, limit: int) -> list[TagRow]:
    return await tags.history(services, await operator_access(services, Permission.PULL, repository), tag, limit)


def _platforms(tag: ListedTag) -> str:
    return ", ".join(_platform(platform) for platform in tag.platforms) or "-"


def _platform(platform: Platform) -> str:
    return "/".join(part for part in (platform.os, platform.architecture, platform.variant) if part)


def _listed_as_json(tag: ListedTag) -> dict[str, Any]:
    detail = tag.detail
    return {
        "name": str(detail.name),
        "digest": str(detail.digest),
        "media_type": detail.media_type,
        "size": detail.size,
        "platforms": [_platform(platform) for platform in tag.platforms],
        "pushed_at": detail.pushed_at,
        "pulled_at": detail.pulled_at,
        "pulls": detail.pulls,
    }


def _entry_as_json(entry: TagRow) -> dict[str, Any]:
    return {
        "digest": str(entry.digest),
        "valid_from": entry.valid_from,
        "valid_until": entry.valid_until,
        "actor": entry.actor,
        "ended_by": entry.ended_by,
    }
