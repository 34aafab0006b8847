"""The configuration's keys as data, read from the schema: names, variables, expectations and conversion of values."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec

from registry.config.directory_values import AttributeName, DistinguishedName, LdapFilter, LdapUrl
from registry.config.issuer import IssuerUrl
from registry.config.schema import Config
from registry.config.takes_effect import TakesEffect
from registry.config.values import DatabaseUrl, ExternalUrl, KeyPrefix, Network, PlainText, SecretText, SocketAddress

VARIABLE_PREFIX: Final = "REGISTRY_"

_LIST_ENTRIES: Final = 256

_UNITS: Final = {"_s": "seconds", "_bytes": "bytes"}
_PARSED: Final = (
    AttributeName,
    DatabaseUrl,
    DistinguishedName,
    ExternalUrl,
    IssuerUrl,
    KeyPrefix,
    LdapFilter,
    LdapUrl,
    Network,
    PlainText,
    SecretText,
    SocketAddress,
)
_EXPECTATIONS: Final[dict[object, str]] = {
    bool: "`true` or `false`",
    int: "an integer",
    float: "a number",
    Path: "a path",
    SocketAddress: "`host:port`",
    ExternalUrl: "a URL",
    DatabaseUrl: "a database URL",
    KeyPrefix: "a prefix",
    Network: "a network",
    PlainText: "a plain text",
    SecretText: "a text",
    IssuerUrl: "an issuer's URL",
    AttributeName: "an attribute's name",
    DistinguishedName: "a distinguished name",
    LdapFilter: "a filter",
    LdapUrl: "an LDAP URL",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration; `name` is dotted (`server.listen`)."""

    name: str
    type: Any
    default: object
    description: str
    bounds: tuple[float | None, float | None]
    takes_effect: TakesEffect
    is_secret: bool
    is_optional: bool

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return VARIABLE_PREFIX + self.name.upper().replace(".", "__")

    @property
    def unit(self) -> str:
        """`seconds`, `bytes` or nothing."""
        return next((unit for suffix, unit in _UNITS.items() if self.name.endswith(suffix)), "")

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        if get_origin(self.type) is Literal:
            return " or ".join(f'`"{choice}"`' for choice in get_args(self.type))
        if get_origin(self.type) is tuple:
            return f"a list, each {_EXPECTATIONS[get_args(self.type)[0]]}"
        lowest, highest = self.bounds
        span = f" from {lowest} to {highest}" if lowest is not None and highest is not None else ""
        return _EXPECTATIONS[self.type] + span


@cache
def keys() -> dict[str, Key]:
    """Every key by its dotted name, in the schema's order."""
    return {key.name: key for key in _keys_of(Config, "")}


@cache
def tables() -> frozenset[str]:
    """The dotted name of every table."""
    return frozenset(name.rpartition(".")[0] for name in keys()) | {name.partition(".")[0] for name in keys()}


def nearest(name: str, *, among: Iterable[str], prefix: str = "") -> str:
    """A hint that names the likeliest of the candidates behind `prefix`, or nothing when none is near."""
    matches = get_close_matches(name, list(among), n=1)
    return f"; did you mean `{prefix}{matches[0]}`?" if matches else ""


def from_text(key: Key, text: str) -> object:
    """Convert what an environment variable or a flag says; a list is separated by commas.

    Raises:
        ValueError: it is not what the key expects.
    """
    if get_origin(key.type) is tuple:
        return _convert(key, [item.strip() for item in text.split(",") if item.strip()], strict=False)
    return _convert(key, text, strict=False)


def from_toml(key: Key, value: object) -> object:
    """Convert what a TOML file says, whose types have to match.

    Raises:
        ValueError: it is not what the key expects.
    """
    return _convert(key, value, strict=True)


def _keys_of(table: type[msgspec.Struct], prefix: str) -> Iterator[Key]:
    for field in msgspec.structs.fields(table):
        name = prefix + field.name
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _keys_of(field.type, f"{name}.")
        else:
            yield _key(name, field.type, field.default)


def _key(name: str, annotation: Any, default: object) -> Key:
    match get_args(annotation) if get_origin(annotation) is Annotated else ():
        case (annotated, TakesEffect() as takes_effect, msgspec.Meta(description=str(description)) as meta):
            pass
        case _:
            raise TypeError(f"{name} has to say when it takes effect, and what it means")
    members = [member for member in get_args(annotated) if member is not NoneType]
    is_optional = NoneType in get_args(annotated)
    return Key(
        name=name,
        type=members[0] if is_optional else annotated,
        default=default,
        description=description,
        bounds=(meta.ge, meta.le),
        takes_effect=takes_effect,
        is_secret=bool((meta.extra or {}).get("secret")),
        is_optional=is_optional,
    )


def _convert(key: Key, value: object, *, strict: bool) -> object:
    if key.is_optional and value == "":
        return None
    if get_origin(key.type) is tuple:
        return _list(key, value)
    if key.type is Path or key.type in _PARSED:
        return _parse(key, key.type, value)
    lowest, highest = key.bounds
    annotation = key.type if lowest is None else Annotated[key.type, msgspec.Meta(ge=lowest, le=highest)]
    try:
        return msgspec.convert(value, annotation, strict=strict)
    except msgspec.ValidationError as error:
        choices = get_args(key.type) if get_origin(key.type) is Literal else ()
        raise ValueError(f"{_refusal(key, value)}{nearest(str(value), among=choices)}") from error


def _list(key: Key, value: object) -> object:
    if not isinstance(value, list):
        raise ValueError(_refusal(key, value))
    if len(value) > _LIST_ENTRIES:
        raise ValueError(f"Expected at most {_LIST_ENTRIES} entries, got {len(value)}")
    (kind, _) = get_args(key.type)
    return tuple(_parse(key, kind, item) for item in value)


def _parse(key: Key, kind: Any, value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(_refusal(key, value))
    if kind in _PARSED:
        return kind.parse(value)
    if not value or "\0" in value:
        raise ValueError("Expected a path")
    return Path(value)


def _refusal(key: Key, value: object) -> str:
    return f"Expected {key.expected}" if key.is_secret else f"Expected {key.expected}, got {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'`"{value}"`'
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"
