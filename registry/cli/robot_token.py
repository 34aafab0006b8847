"""`registry robot token`: the tokens with which robots log in."""

import click

from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR
from registry.cli.credentials import make, print_listed, print_made, revoke, wished
from registry.cli.groups import Group
from registry.cli.options import ROBOT, as_json, configured
from registry.cli.running import with_services
from registry.config import Resolved
from registry.services import credentials
from registry.services.credentials import TokenWish


@click.group("token", cls=Group)
def command() -> None:
    """Make, list and revoke the tokens of a robot."""


@command.command("create")
@click.argument("robot", type=ROBOT)
@wished
@as_json
@configured()
def create(resolved: Resolved, *, robot: AccountName, wish: TokenWish, json_output: bool) -> None:
    """Make another token of ROBOT and print it: it is shown this once. It never reaches further than its robot."""
    secret, made = make(resolved.config, robot, wish)
    print_made(secret, made, json_output=json_output)


@command.command("list")
@click.argument("robot", type=ROBOT)
@as_json
@configured()
def list_tokens(resolved: Resolved, robot: AccountName, json_output: bool) -> None:
    """List the tokens of ROBOT, newest first: what each is for, and when it was used last."""
    found = with_services(resolved.config, lambda services: credentials.listing(services, OPERATOR, robot))
    print_listed(robot, found, json_output=json_output)


@command.command("rm")
@click.argument("robot", type=ROBOT)
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@as_json
@configured()
def remove(resolved: Resolved, *, robot: AccountName, number: int, json_output: bool) -> None:
    """Revoke the token NUMBER of ROBOT, at once."""
    revoke(resolved.config, robot, number, json_output=json_output)
