"""What the commands about tokens share: how a wish for one is read, and how one is shown."""

import functools
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import click

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.scope import EVERYTHING, Action, Scope
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.options import REPOSITORY_PATTERN, Parsed
from registry.cli.running import with_services
from registry.config import Config
from registry.metadata.account_rows import Credential
from registry.services import credentials
from registry.services.context import now
from registry.services.credentials import TokenWish

T = TypeVar("T")


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


LIFETIME: Final[Parsed[timedelta]] = Parsed("time", _lifetime)
_LABEL: Final[Parsed[str]] = Parsed("text", credentials.checked_name)
_ACTIONS: Final[Parsed[frozenset[Action]]] = Parsed("actions", _actions)


def wished(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command the options that say what a token shall be; it is called with `wish`."""

    @click.option("--name", type=_LABEL, required=True, help="To know it again by.")
    @click.option("--expires", type=LIFETIME, help="After which time it ends, such as 30d or 12h; never.")
    @click.option("--allow", type=_ACTIONS, help="What it is for: pull,push,delete,manage; all that its owner may.")
    @click.option("--repository", "patterns", type=REPOSITORY_PATTERN, multiple=True, help="Where; may be repeated.")
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        name: str,
        expires: timedelta | None,
        allow: frozenset[Action] | None,
        patterns: tuple[RepositoryPattern, ...],
        **kwargs: Any,
    ) -> T:
        scope = Scope(allow or EVERYTHING.actions, patterns or EVERYTHING.patterns)
        return command(*args, wish=TokenWish(name=name, scope=scope, expires_at=end_of(expires)), **kwargs)

    return wrapped


def end_of(lifetime: timedelta | None) -> datetime | None:
    """When a token ends that is made now."""
    return now() + lifetime if lifetime is not None else None


def make(config: Config, owner: AccountName, wish: TokenWish) -> tuple[str, Credential]:
    """The secret of a new token of `owner`, and the token."""
    return with_services(
        config,
        lambda services: credentials.create(
            services, OPERATOR, owner, name=wish.name, scope=wish.scope, expires_at=wish.expires_at
        ),
    )


def revoke(config: Config, owner: AccountName, number: int, *, json_output: bool) -> None:
    """End a token of `owner` at once, and say so."""
    with_services(config, lambda services: credentials.revoke(services, OPERATOR, owner, number))
    document = {"name": str(owner), "revoked": number}
    output.tell(f"token {number} of {owner} is revoked", document, json_output=json_output)


def print_made(secret: str, made: Credential, *, json_output: bool) -> None:
    """Print a new token with its secret, for people the secret alone."""
    if json_output:
        output.print_json({"token": secret, **as_document(made)})
    else:
        click.echo(secret)


def print_listed(owner: AccountName, found: Sequence[Credential], *, json_output: bool) -> None:
    """Print the tokens of `owner`, for people a row each."""
    if json_output:
        output.print_json({"name": str(owner), "tokens": [as_document(each) for each in found]})
        return
    rows: list[list[object]] = [
        [each.id, each.name, _state(each), *_reach(each), each.expires_at, each.last_used_at] for each in found
    ]
    output.print_table(["TOKEN", "NAME", "STATE", "FOR", "REPOSITORIES", "EXPIRES", "LAST USED"], rows)


def as_document(credential: Credential) -> dict[str, Any]:
    """A token for programs; its secret is in none."""
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


def _reach(credential: Credential) -> tuple[str, str]:
    """What a token is for, and where."""
    scope = Scope.read(credential.scope)
    actions = "all" if scope.actions == EVERYTHING.actions else ",".join(sorted(scope.actions))
    return actions, " ".join(map(str, scope.patterns))


def _state(credential: Credential) -> str:
    if credential.revoked_at is not None:
        return "revoked"
    return "live" if credential.is_live(now()) else "expired"
