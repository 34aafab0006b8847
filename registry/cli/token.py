"""`registry token`: the tokens with which programs log in."""

from typing import Final

import click

from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR
from registry.cli.credentials import make, print_listed, print_made, revoke, wished
from registry.cli.groups import Group
from registry.cli.options import ACCOUNT, as_json, configured
from registry.cli.running import with_services
from registry.config import Resolved
from registry.services import credentials
from registry.services.credentials import TokenWish

_owner: Final = click.option("--for", "owner", type=ACCOUNT, required=True, help="The user or robot whose it is.")


@click.group("token", cls=Group)
def command() -> None:
    """Make, list and revoke tokens, with which programs log in."""


@command.command("create")
@_owner
@wished
@as_json
@configured()
def create(resolved: Resolved, *, owner: AccountName, wish: TokenWish, json_output: bool) -> None:
    """Make a token and print it: it is shown this once. It never reaches further than its owner."""
    secret, made = make(resolved.config, owner, wish)
    print_made(secret, made, json_output=json_output)


@command.command("list")
@_owner
@as_json
@configured()
def list_tokens(resolved: Resolved, owner: AccountName, json_output: bool) -> None:
    """List the tokens of a user or robot, newest first: what each is for, and when it was used last."""
    found = with_services(resolved.config, lambda services: credentials.listing(services, OPERATOR, owner))
    print_listed(owner, found, json_output=json_output)


@command.command("rm")
@click.argument("number", type=int)
@_owner
@as_json
@configured()
def remove(resolved: Resolved, *, number: int, owner: AccountName, json_output: bool) -> None:
    """Revoke the token NUMBER of a user or robot, at once."""
    revoke(resolved.config, owner, number, json_output=json_output)
