"""`registry robot`: the accounts of programs."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import click

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.roles import Role
from registry.auth.subject import OPERATOR, Subject
from registry.cli import output, robot_token, robot_trust
from registry.cli.confirming import confirm
from registry.cli.credentials import LIFETIME, as_document, end_of
from registry.cli.groups import Group
from registry.cli.options import ACCOUNT, REPOSITORY_PATTERN, ROBOT, as_json, configured
from registry.cli.pages import every
from registry.cli.running import with_services
from registry.config import Resolved
from registry.metadata.account_rows import Account
from registry.services import robots
from registry.services.context import Services
from registry.services.credentials import TokenWish
from registry.services.robots import Robot, RoleWish

_ROLES: Final = (Role.READER, Role.WRITER, Role.MAINTAINER)


@click.group("robot", cls=Group)
def command() -> None:
    """Make, list, change and remove robots, and their tokens."""


command.add_command(robot_token.command)
command.add_command(robot_trust.command)


@command.command("create")
@click.argument("name", type=ROBOT)
@click.option(
    "--repository",
    "patterns",
    type=REPOSITORY_PATTERN,
    multiple=True,
    help="Grant it a role in this repository, or by a pattern such as `team/*`; may be repeated.",
)
@click.option(
    "--role", type=click.Choice([str(role) for role in _ROLES]), help="What it is there; reader, which is to pull."
)
@click.option("--expires", type=LIFETIME, help="After which time its token ends, such as 30d or 12h; never.")
@click.option("--no-token", is_flag=True, help="Make no token, for one that logs in another way.")
@as_json
@configured()
def create(
    resolved: Resolved,
    *,
    name: AccountName,
    patterns: tuple[RepositoryPattern, ...],
    role: str | None,
    expires: timedelta | None,
    no_token: bool,
    json_output: bool,
) -> None:
    """Make the robot NAME, such as `team+ci`, and print its token: it is shown this once.

    It belongs to the namespace before its plus sign. Without --repository it may do nothing until it is granted a role.
    """
    if role is not None and not patterns:
        raise click.UsageError("--role says what it is in which repositories; give --repository")
    if no_token and expires is not None:
        raise click.UsageError("--expires is about a token, and --no-token makes none")
    roles = [RoleWish(Role(role or Role.READER), pattern) for pattern in patterns]
    token = None if no_token else TokenWish(name=robots.FIRST_TOKEN, expires_at=end_of(expires))
    robot, made = with_services(
        resolved.config, lambda services: robots.create(services, OPERATOR, name, roles, token=token)
    )
    if json_output:
        secret = None if made is None else {"token": made[0], **as_document(made[1])}
        output.print_json({**_shown(robot), "token": secret})
    else:
        click.echo(f"{name} is made" if made is None else made[0])


@command.command("list")
@click.argument("namespace", type=ACCOUNT, required=False)
@as_json
@configured()
def list_robots(resolved: Resolved, namespace: AccountName | None, json_output: bool) -> None:
    """List the robots of NAMESPACE, or all, in byte order."""
    found = with_services(resolved.config, lambda services: _all(services, namespace))
    if json_output:
        output.print_json({"robots": [_listed(account) for account in found]})
    else:
        rows: list[list[object]] = [[each.name, _state(each), each.created_at, each.created_by] for each in found]
        output.print_table(["ROBOT", "STATE", "CREATED", "CREATED BY"], rows)


@command.command("show")
@click.argument("name", type=ROBOT)
@as_json
@configured()
def show(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Show the robot NAME, and what it was granted."""
    robot = with_services(resolved.config, lambda services: robots.show(services, OPERATOR, name))
    if json_output:
        output.print_json(_shown(robot))
        return
    rows: list[list[object]] = [
        ["state", _state(robot.account)],
        ["made", robot.account.created_at],
        ["made by", robot.account.created_by],
    ]
    rows += [["role", f"{grant.role} in {grant.pattern}"] for grant in robot.grants]
    output.print_table(["ROBOT", robot.account.name], rows)


@command.command("disable")
@click.argument("name", type=ROBOT)
@as_json
@configured()
def disable(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Take all rights from the robot NAME, at once."""
    _change(resolved, robots.disable, name, "is disabled", json_output=json_output)


@command.command("enable")
@click.argument("name", type=ROBOT)
@as_json
@configured()
def enable(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Give the robot NAME its rights again; its tokens are good again, too."""
    _change(resolved, robots.enable, name, "is enabled", json_output=json_output)


@command.command("rm")
@click.argument("name", type=ROBOT)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@configured()
def remove(resolved: Resolved, *, name: AccountName, yes: bool, json_output: bool) -> None:
    """Remove the robot NAME with its tokens and what it was granted."""
    confirm(f"Remove {name} with its tokens?", yes)
    _change(resolved, robots.remove, name, "is removed", json_output=json_output)


def _change(
    resolved: Resolved,
    service: Callable[[Services, Subject, AccountName], Awaitable[None]],
    name: AccountName,
    what: str,
    *,
    json_output: bool,
) -> None:
    with_services(resolved.config, lambda services: service(services, OPERATOR, name))
    if json_output:
        output.print_json({"name": str(name)})
    else:
        click.echo(f"{name} {what}")


async def _all(services: Services, namespace: AccountName | None) -> list[Account]:
    return await every(lambda after: _page(services, namespace, after), lambda each: each.name)


async def _page(services: Services, namespace: AccountName | None, after: str) -> list[Account]:
    if namespace is None:
        return await robots.listing(services, OPERATOR, after=after, limit=limits.PAGE_ENTRIES)
    return await robots.listing_of(services, OPERATOR, namespace, after=after, limit=limits.PAGE_ENTRIES)


def _state(account: Account) -> str:
    return "disabled" if account.is_disabled else "live"


def _shown(robot: Robot) -> dict[str, Any]:
    roles = [{"repository": each.pattern, "role": each.role} for each in robot.grants]
    return {**_listed(robot.account), "roles": roles}


def _listed(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "is_disabled": account.is_disabled,
        "created_at": account.created_at,
        "created_by": account.created_by,
    }
