"""Make the effective configuration, or say everything that is wrong with it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from registry.config.checks import problems_of
from registry.config.errors import ConfigInvalid
from registry.config.keys import keys
from registry.config.schema import Config
from registry.config.sources import from_environment, from_file, from_flags
from registry.config.values import DatabaseUrl

_STORAGE_FOLDER: Final = "storage"
_DATABASE_FILE: Final = "registry.db"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The effective configuration, and where each value was read (by dotted key; a default has no entry).

    `again` reads the same sources once more; it raises what `load` raises.
    """

    config: Config
    origins: Mapping[str, str]
    again: Callable[[], Config]


def load(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, str] | None = None,
) -> Config:
    """The effective configuration: flags before environment before file before defaults; paths are absolute.

    Flags are texts by dotted key, as in `{"server.listen": "127.0.0.1:0"}`.

    Raises:
        ConfigInvalid: with all that is wrong in all sources.
    """
    return resolve(file, environment=environment, flags=flags).config


def resolve(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, str] | None = None,
) -> Resolved:
    """The same as `load`, with the place where each value was read.

    Raises:
        ConfigInvalid: with all that is wrong in all sources.
    """
    resolved = read(file, environment=environment, flags=flags)
    if problems := problems_of(resolved.config, resolved.origins):
        raise ConfigInvalid(problems)
    return resolved


def read(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, str] | None = None,
) -> Resolved:
    """The same as `resolve`, but the registry need not be able to start with it: files that it names may be missing.

    Raises:
        ConfigInvalid: with all values in all sources that cannot be read.
    """
    sources = [] if file is None else [from_file(file)]
    sources += [from_environment(environment), from_flags(flags or {})]
    # A value that could not be read would stand at its default in a check, which must not be blamed on it.
    if problems := [problem for source in sources for problem in source.problems]:
        raise ConfigInvalid(problems)
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for source in sources:
        values |= source.values
        origins |= source.origins
    config = with_values(Config(), _with_derived_defaults(values))
    return Resolved(config, origins, partial(load, file, environment=environment, flags=flags))


def with_values(config: Config, values: Mapping[str, object]) -> Config:
    """`config` with the given values by dotted key."""
    for name, value in values.items():
        config = _replaced(config, name.split("."), value)
    return config


def _with_derived_defaults(values: Mapping[str, object]) -> dict[str, object]:
    data = values.get("server.data", keys()["server.data"].default)
    if not isinstance(data, Path):
        raise TypeError("server.data is a path")
    data = data.absolute()
    complete: dict[str, object] = {
        "server.data": data,
        "storage.filesystem.root": data / _STORAGE_FOLDER,
        "database.url": DatabaseUrl.of_sqlite(data / _DATABASE_FILE),
    }
    return complete | {name: _absolute(value) for name, value in values.items()}


def _absolute(value: object) -> object:
    # Commands and workers may run in another folder than the one the path was meant from.
    if isinstance(value, Path):
        return value.absolute()
    if isinstance(value, DatabaseUrl) and value.sqlite_file is not None:
        return DatabaseUrl.of_sqlite(value.sqlite_file.absolute())
    return value


def _replaced(table: Any, path: list[str], value: object) -> Any:
    name, *rest = path
    inner = _replaced(getattr(table, name), rest, value) if rest else value
    return msgspec.structs.replace(table, **{name: inner})
