"""`registry user`: the accounts of people."""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR, Subject
from registry.cli import new_password, output
from registry.cli.confirming import confirm
from registry.cli.groups import Group
from registry.cli.options import ACCOUNT, as_json, configured
from registry.cli.pages import every
from registry.cli.running import with_services
from registry.config import Resolved
from registry.metadata.account_rows import Account, AccountKind
from registry.services import accounts
from registry.services.context import Services


@click.group("user", cls=Group)
def command() -> None:
    """Add, list, change and remove the accounts of people."""


@command.command("add")
@click.argument("name", type=ACCOUNT)
@new_password.from_stdin
@click.option("--admin", is_flag=True, help="Make it an administrator.")
@as_json
@configured()
def add(resolved: Resolved, *, name: AccountName, password_stdin: bool, admin: bool, json_output: bool) -> None:
    """Make the account NAME, which owns the repositories NAME/...; its password is asked for, or read."""
    password = new_password.read(name, stdin=password_stdin)
    made = with_services(
        resolved.config, lambda services: accounts.add(services, OPERATOR, name, password, is_admin=admin)
    )
    if json_output:
        output.print_json(_as_json(made))
    else:
        click.echo(f"{name} is added")


@command.command("list")
@as_json
@configured()
def list_users(resolved: Resolved, json_output: bool) -> None:
    """List the accounts of people in byte order."""
    found = with_services(resolved.config, _all)
    if json_output:
        output.print_json({"users": [_as_json(account) for account in found]})
    else:
        rows = [[each.name, _state(each), each.source, each.created_at, each.last_login_at] for each in found]
        output.print_table(["USER", "STATE", "SOURCE", "CREATED", "LAST LOGIN"], rows)


@command.command("show")
@click.argument("name", type=ACCOUNT)
@as_json
@configured()
def show(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Show the account NAME."""
    account = with_services(resolved.config, lambda services: accounts.show(services, OPERATOR, name))
    if json_output:
        output.print_json(_as_json(account))
        return
    rows: list[list[object]] = [
        ["state", _state(account)],
        ["source", account.source],
        ["added", account.created_at],
        ["added by", account.created_by],
        ["last login", account.last_login_at],
    ]
    output.print_table(["USER", account.name], rows)


@command.command("passwd")
@click.argument("name", type=ACCOUNT)
@new_password.from_stdin
@as_json
@configured()
def passwd(resolved: Resolved, *, name: AccountName, password_stdin: bool, json_output: bool) -> None:
    """Replace the password of NAME, who has to log in again everywhere; it is asked for, or read."""
    password = new_password.read(name, stdin=password_stdin)
    with_services(resolved.config, lambda services: accounts.set_password(services, OPERATOR, name, password))
    _tell(name, "has a new password", json_output)


@command.command("disable")
@click.argument("name", type=ACCOUNT)
@as_json
@configured()
def disable(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Take all rights from NAME at once; all that is its stays."""
    _change(resolved, accounts.disable, name, outcome="is disabled", json_output=json_output)


@command.command("enable")
@click.argument("name", type=ACCOUNT)
@as_json
@configured()
def enable(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Give NAME its rights again; who was logged in has to log in again."""
    _change(resolved, accounts.enable, name, outcome="is enabled", json_output=json_output)


@command.command("promote")
@click.argument("name", type=ACCOUNT)
@as_json
@configured()
def promote(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Make NAME an administrator, who may do everything."""
    _change(resolved, accounts.make_administrator, name, outcome="is an administrator", json_output=json_output)


@command.command("demote")
@click.argument("name", type=ACCOUNT)
@as_json
@configured()
def demote(resolved: Resolved, name: AccountName, json_output: bool) -> None:
    """Leave NAME, an administrator, only what it owns and is granted."""
    _change(resolved, accounts.unmake_administrator, name, outcome="is no administrator", json_output=json_output)


@command.command("rm")
@click.argument("name", type=ACCOUNT)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@configured()
def remove(resolved: Resolved, *, name: AccountName, yes: bool, json_output: bool) -> None:
    """Remove the account NAME with its tokens, grants and robots; its repositories stay."""
    confirm(f"Remove the account {name} with its tokens, grants and robots?", yes)
    _change(resolved, accounts.remove, name, outcome="is removed", json_output=json_output)


def _change(
    resolved: Resolved,
    change: Callable[[Services, Subject, AccountName], Awaitable[None]],
    name: AccountName,
    *,
    outcome: str,
    json_output: bool,
) -> None:
    with_services(resolved.config, lambda services: change(services, OPERATOR, name))
    _tell(name, outcome, json_output)


def _tell(name: AccountName, outcome: str, json_output: bool) -> None:
    if json_output:
        output.print_json({"name": str(name)})
    else:
        click.echo(f"{name} {outcome}")


async def _all(services: Services) -> list[Account]:
    found = await every(
        lambda after: accounts.listing(services, OPERATOR, after=after, limit=limits.PAGE_ENTRIES),
        lambda each: each.name,
    )
    return [account for account in found if account.kind is AccountKind.USER]


def _state(account: Account) -> str:
    if account.is_disabled:
        return "disabled"
    return "administrator" if account.is_admin else "user"


def _as_json(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "is_admin": account.is_admin,
        "is_disabled": account.is_disabled,
        "source": account.source,
        "created_at": account.created_at,
        "created_by": account.created_by,
        "last_login_at": account.last_login_at,
    }
