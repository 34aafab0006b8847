"""`registry token`: the tokens with which programs log in."""

import re
from datetime import timedelta
from typing import Any, Final

import click

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.scope import EVERYTHING, Action, Scope
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.options import ACCOUNT, REPOSITORY_PATTERN, Parsed, as_json, configured
from registry.cli.running import with_services
from registry.config import Resolved
from registry.metadata.account_rows import Credential
from registry.services import credentials
from registry.services.context import now


def _lifetime(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,4})([dh])", text, re.ASCII)
    lifetime = timedelta(**{"days" if found[2] == "d" else "hours": int(found[1])}) if found else timedelta()
    if not timedelta() < lifetime <= timedelta(days=limits.CREDENTIAL_DAYS):
        raise ValueError(f"{text!r} is no time like 30d or 12h, at most {limits.CREDENTIAL_DAYS}d")
    return lifetime


def _actions(text: str) -> frozenset[Action]:
    try:
        return frozenset(map(Action, text.split(",")))
    except ValueError:
        raise ValueError(f"{text!r} is no list of {', '.join(Action)}, with commas between") from None


_LABEL: Final[Parsed[str]] = Parsed("text", credentials.checked_name)
_LIFETIME: Final[Parsed[timedelta]] = Parsed("time", _lifetime)
_ACTIONS: Final[Parsed[frozenset[Action]]] = Parsed("actions", _actions)
_owner: Final = click.option("--for", "owner", type=ACCOUNT, required=True, help="The user or robot whose it is.")


@click.group("token")
def command() -> None:
    """Make, list and revoke tokens, with which programs log in."""


@command.command("create")
@_owner
@click.option("--name", type=_LABEL, required=True, help="To know it again by.")
@click.option("--expires", type=_LIFETIME, help="After which time it ends, such as 30d or 12h; never.")
@click.option("--allow", type=_ACTIONS, help="What it is for: pull,push,delete,manage; all that its owner may.")
@click.option("--repository", "patterns", type=REPOSITORY_PATTERN, multiple=True, help="Where; may be repeated.")
@as_json
@configured()
def create(
    resolved: Resolved,
    *,
    owner: AccountName,
    name: str,
    expires: timedelta | None,
    allow: frozenset[Action] | None,
    patterns: tuple[RepositoryPattern, ...],
    json_output: bool,
) -> None:
    """Make a token and print it: it is shown this once. It never reaches further than its owner."""
    scope = Scope(allow or EVERYTHING.actions, patterns or EVERYTHING.patterns)
    expires_at = now() + expires if expires is not None else None
    secret, made = with_services(
        resolved.config,
        lambda services: credentials.create(services, OPERATOR, owner, name=name, scope=scope, expires_at=expires_at),
    )
    if json_output:
        output.print_json({"token": secret, **_as_json(made)})
    else:
        click.echo(secret)


@command.command("list")
@_owner
@as_json
@configured()
def list_tokens(resolved: Resolved, owner: AccountName, json_output: bool) -> None:
    """List the tokens of a user or robot, newest first: what each is for, and when it was used last."""
    found = with_services(resolved.config, lambda services: credentials.listing(services, OPERATOR, owner))
    if json_output:
        output.print_json({"name": str(owner), "tokens": [_as_json(each) for each in found]})
        return
    rows: list[list[object]] = [
        [each.id, each.name, _state(each), each.expires_at, each.last_used_at] for each in found
    ]
    output.print_table(["TOKEN", "NAME", "STATE", "EXPIRES", "LAST USED"], rows)


@command.command("rm")
@click.argument("number", type=int)
@_owner
@as_json
@configured()
def revoke(resolved: Resolved, *, number: int, owner: AccountName, json_output: bool) -> None:
    """Revoke the token NUMBER of a user or robot, at once."""
    with_services(resolved.config, lambda services: credentials.revoke(services, OPERATOR, owner, number))
    if json_output:
        output.print_json({"name": str(owner), "revoked": number})
    else:
        click.echo(f"token {number} of {owner} is revoked")


def _state(credential: Credential) -> str:
    if credential.revoked_at is not None:
        return "revoked"
    return "live" if credential.is_live(now()) else "expired"


def _as_json(credential: Credential) -> dict[str, Any]:
    scope = Scope.read(credential.scope)
    return {
        "id": credential.id,
        "name": credential.name,
        "kind": credential.kind,
        "actions": sorted(scope.actions),
        "repositories": [str(pattern) for pattern in scope.patterns],
        "created_at": credential.created_at,
        "expires_at": credential.expires_at,
        "revoked_at": credential.revoked_at,
        "last_used_at": credential.last_used_at,
        "last_used_from": credential.last_used_from,
    }
