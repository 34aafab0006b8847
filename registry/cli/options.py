"""What commands have in common: the configuration's flags, JSON output, and arguments that become values."""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from oci_spec.digest import Digest
from oci_spec.reference import Reference, RepositoryName, Tag, parse_reference
from registry.auth.account_name import AccountName, TeamName
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern
from registry.config import ConfigInvalid, Resolved, ignored_variables, read, resolve
from registry.services.tag_pattern import TagPattern

T = TypeVar("T")

_ASSIGNMENT: Final = "TABLE.KEY=VALUE"


class Assignment(click.ParamType[tuple[str, str]]):
    """`table.key=value` as a pair."""

    name = _ASSIGNMENT

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, equals, text = str(value).partition("=")
        if not equals or not key:
            self.fail(f"{value!r} is not of the form {_ASSIGNMENT}", param, ctx)
        return key.strip(), text


class Parsed(click.ParamType[T]):
    """An argument that is read by a value's own parser; a malformed one is wrong usage."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class Named:
    """A repository, and what is meant in it: a tag, a digest or all of it."""

    repository: RepositoryName
    reference: Reference | None

    @classmethod
    def parse(cls, text: str) -> "Named":
        """What is written as `REPOSITORY`, `REPOSITORY:TAG` or `REPOSITORY@DIGEST`.

        Raises:
            RepositoryNameInvalid, TagInvalid, DigestInvalid: the part is malformed.
        """
        name, at, digest = text.partition("@")
        if at:
            return cls(RepositoryName.parse(name), Digest.parse(digest))
        name, colon, tag = text.partition(":")
        return cls(RepositoryName.parse(name), Tag.parse(tag) if colon else None)


def _moment(text: str) -> datetime:
    try:
        # A date without a zone is one of this machine's.
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no date like 2026-01-31 and no time like 2026-01-31T12:00:00") from None


def _robot(text: str) -> AccountName:
    name = AccountName.parse(text)
    if not name.is_robot:
        raise ValueError(f"{text} is no robot's name, which is NAMESPACE+NAME")
    return name


REPOSITORY: Final[Parsed[RepositoryName]] = Parsed("repository", RepositoryName.parse)
TAG: Final[Parsed[Tag]] = Parsed("tag", Tag.parse)
NAMED: Final[Parsed[Named]] = Parsed("name", Named.parse)
MOMENT: Final[Parsed[datetime]] = Parsed("date", _moment)
REPOSITORY_PATTERN: Final[Parsed[RepositoryPattern]] = Parsed("repository or pattern", RepositoryPattern.parse)
TAG_PATTERN: Final[Parsed[TagPattern]] = Parsed("tag or pattern", TagPattern.parse)
ACCOUNT: Final[Parsed[AccountName]] = Parsed("name", AccountName.parse)
GRANTEE: Final[Parsed[Grantee]] = Parsed("name", Grantee.parse)
TEAM: Final[Parsed[TeamName]] = Parsed("organisation/team", TeamName.parse)
ROBOT: Final[Parsed[AccountName]] = Parsed("robot", _robot)
DIGEST: Final[Parsed[Digest]] = Parsed("digest", Digest.parse)
REFERENCE: Final[Parsed[Reference]] = Parsed("tag or digest", parse_reference)

as_json: Final = click.option("--json", "json_output", is_flag=True, help="Print JSON, for programs.")


_config = click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Read the configuration from FILE."
)
_data = click.option("--data", metavar="DIR", help="Directory of blobs and database (server.data); default ./data.")
_assignments = click.option(
    "--set",
    "assignments",
    multiple=True,
    type=Assignment(),
    metavar=_ASSIGNMENT,
    help="Set any key of the configuration; may be repeated.",
)


def configured(**shortcuts: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a command the flags of the configuration; it is called with `resolved`, made from all sources.

    `shortcuts` names further options of the command, each with the key that it sets.
    """
    return _with_configuration(resolve, shortcuts)


def configured_unchecked() -> Callable[[Callable[..., T]], Callable[..., T]]:
    """The same, for a command that works where the registry could not start: its files may not be there yet."""
    return _with_configuration(read, {})


def _with_configuration(
    source: Callable[..., Resolved], shortcuts: Mapping[str, str]
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    keys = {"data": "server.data", **shortcuts}

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        @_config
        @_data
        @_assignments
        @functools.wraps(command)
        def wrapped(*args: Any, file: Path | None, assignments: tuple[tuple[str, str], ...], **kwargs: Any) -> T:
            given = {key: kwargs.pop(option) for option, key in keys.items()}
            flags = dict(assignments) | {key: str(value) for key, value in given.items() if value is not None}
            return command(*args, resolved=_resolved(source, file, flags), **kwargs)

        return wrapped

    return decorate


def _resolved(source: Callable[..., Resolved], file: Path | None, flags: dict[str, str]) -> Resolved:
    if foreign := ignored_variables(os.environ):
        click.echo(f"registry: ignored variables that are no keys of this registry: {', '.join(foreign)}", err=True)
    try:
        return source(file, flags=flags)
    except ConfigInvalid as error:
        raise click.ClickException(str(error)) from error
