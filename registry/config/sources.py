"""From where values come, and which one wins: flag, then environment, then file, then default.

Each source gives `Settings`: converted values by dotted key with the place where each was read, and what is wrong.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from registry.config.errors import Problem
from registry.config.keys import VARIABLE_PREFIX, Key, from_text, from_toml, keys, nearest, tables
from registry.config.toml_lines import line_of

_FILE_SUFFIX: Final = "_FILE"
# podman, buildah and skopeo keep their logins where it says. Nobody means the registry by it.
_OF_CLIENTS: Final = frozenset({"REGISTRY_AUTH_FILE"})
_SECRET_FILE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """What one source sets, and its problems."""

    values: dict[str, object] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add_text(self, key: Key, text: str, origin: str) -> None:
        """Take a value that came as text."""
        try:
            self._add(key, from_text(key, text), origin)
        except ValueError as error:
            self.problems.append(Problem(origin, key.name, str(error)))

    def add_toml(self, key: Key, value: object, origin: str) -> None:
        """Take a value that has a type of TOML's."""
        try:
            self._add(key, from_toml(key, value), origin)
        except ValueError as error:
            self.problems.append(Problem(origin, key.name, str(error)))

    def refuse(self, origin: str, name: str, reason: str) -> None:
        """Note something that is wrong with a key or a table."""
        self.problems.append(Problem(origin, name, reason))

    def _add(self, key: Key, value: object, origin: str) -> None:
        self.values[key.name] = value
        self.origins[key.name] = origin


def from_file(file: Path) -> Settings:
    """Read a TOML file; an unreadable one is a problem of its own."""
    settings = Settings()
    try:
        text = file.read_bytes().decode()
        document = tomllib.loads(text)
    except OSError as error:
        settings.refuse(str(file), "", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        settings.refuse(str(file), "", "is not UTF-8")
    except tomllib.TOMLDecodeError as error:
        settings.refuse(str(file), "", f"is not TOML: {error}")
    else:
        for name, value in _flattened(document, ""):
            line = line_of(text, name)
            _take(settings, name, value, origin=f"{file}:{line}" if line else str(file))
    return settings


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the variables of the form `REGISTRY_<TABLE>__<KEY>`; a secret's value may stand in a file instead."""
    settings = Settings()
    by_variable = {key.variable: key for key in keys().values()}
    for variable in sorted(filter(_is_ours, environment)):
        secret = by_variable.get(variable.removesuffix(_FILE_SUFFIX))
        if variable in by_variable:
            settings.add_text(by_variable[variable], environment[variable], variable)
        elif secret is None or not secret.is_secret:
            candidates = (key.variable for key in keys().values())
            settings.refuse(variable, "", f"no such key{nearest(variable, among=candidates)}")
        elif secret.variable in environment:
            settings.refuse(variable, secret.name, f"is set beside {secret.variable}; set one of them")
        else:
            _take_secret_file(settings, secret, variable, Path(environment[variable]))
    return settings


def from_flags(flags: Mapping[str, str]) -> Settings:
    """Read what the command line sets, by dotted key."""
    settings = Settings()
    for name, text in flags.items():
        if name in keys():
            settings.add_text(keys()[name], text, "command line")
        else:
            settings.refuse("command line", name, f"no such key{_nearest_key(name)}")
    return settings


def ignored_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The `REGISTRY_*` variables that are not ours (another registry's, or an orchestrator's), sorted."""
    foreign = (name for name in environment if name.startswith(VARIABLE_PREFIX) and not _is_ours(name))
    return tuple(sorted(name for name in foreign if name not in _OF_CLIENTS))


def _is_ours(variable: str) -> bool:
    return variable.startswith(VARIABLE_PREFIX) and "__" in variable


def _flattened(document: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for part, value in document.items():
        name = prefix + part
        if name in tables() and isinstance(value, dict):
            yield from _flattened(value, f"{name}.")
        else:
            yield name, value


def _take(settings: Settings, name: str, value: object, *, origin: str) -> None:
    if name in keys():
        settings.add_toml(keys()[name], value, origin)
    elif name in tables():
        settings.refuse(origin, name, f"Expected a table, got `{value}`")
    elif isinstance(value, dict):
        settings.refuse(origin, name, f"no such table{nearest(name, among=tables())}")
    else:
        settings.refuse(origin, name, f"no such key{_nearest_key(name)}")


def _nearest_key(name: str) -> str:
    # A known word in the wrong table is likelier meant than a similar word in the right one.
    table, _, last = name.rpartition(".")
    elsewhere = [key for key in keys() if key.rpartition(".")[2] == last]
    if len(elsewhere) == 1:
        return f"; did you mean `{elsewhere[0]}`?"
    if table not in tables():
        return nearest(name, among=keys())
    siblings = [key.rpartition(".")[2] for key in keys() if key.rpartition(".")[0] == table]
    return nearest(last, among=siblings, prefix=f"{table}.")


def _take_secret_file(settings: Settings, key: Key, variable: str, file: Path) -> None:
    try:
        with file.open("rb") as secret:
            content = secret.read(_SECRET_FILE_BYTES + 1)
        if len(content) > _SECRET_FILE_BYTES:
            settings.refuse(variable, key.name, f"{file} is larger than {_SECRET_FILE_BYTES} bytes")
            return
        settings.add_text(key, content.decode().rstrip("\r\n"), variable)
    except OSError as error:
        settings.refuse(variable, key.name, f"{file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        settings.refuse(variable, key.name, f"{file} is not UTF-8")
