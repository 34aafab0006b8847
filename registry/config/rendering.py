"""The configuration for people and programs, with its secrets masked."""

import json
from collections.abc import Mapping
from pathlib import Path

from registry.config.keys import Key, keys
from registry.config.schema import Config
from registry.config.values import MASK, DatabaseUrl, SecretText


def value_of(config: Config, name: str) -> object:
    """What the configuration says for a dotted key."""
    value: object = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def plain(value: object) -> object:
    """A value as TOML and JSON know it: text, number, truth value or list; a key that is not set is empty text."""
    match value:
        case None:
            return ""
        case bool() | int() | float():
            return value
        case tuple():
            return [plain(item) for item in value]
        case DatabaseUrl():
            return value.masked
        case SecretText():
            return MASK
        case Path():
            return str(value)
        case _:
            return str(value)


def toml_literal(value: object) -> str:
    """A value as it is written in a TOML file."""
    # TOML's basic strings, numbers, truth values and flat lists are JSON's.
    return json.dumps(plain(value), ensure_ascii=False)


def to_tree(config: Config) -> dict[str, object]:
    """The configuration as nested tables of plain values."""
    tree: dict[str, object] = {}
    for name in keys():
        *path, last = name.split(".")
        table = tree
        for part in path:
            inner = table.setdefault(part, {})
            assert isinstance(inner, dict)
            table = inner
        table[last] = plain(value_of(config, name))
    return tree


def to_toml(config: Config, origins: Mapping[str, str]) -> str:
    """The configuration as a TOML text; each value that is not a default is followed by where it was read."""
    lines: list[str] = []
    for table, members in keys_by_table().items():
        lines += [f"[{table}]"]
        for key in members:
            origin = f"  # {origins[key.name]}" if key.name in origins else ""
            lines.append(f"{key.name.rpartition('.')[2]} = {toml_literal(value_of(config, key.name))}{origin}")
        lines.append("")
    return "\n".join(lines).rstrip()


def keys_by_table() -> dict[str, list[Key]]:
    """The keys of each table that has any, in the schema's order."""
    grouped: dict[str, list[Key]] = {}
    for key in keys().values():
        grouped.setdefault(key.name.rpartition(".")[0], []).append(key)
    return grouped
