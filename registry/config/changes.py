"""What a configuration that was read again changes in a registry that runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from registry.config.keys import from_toml, keys
from registry.config.load import with_values
from registry.config.rendering import plain, value_of
from registry.config.schema import Config
from registry.config.takes_effect import TakesEffect


@dataclass(frozen=True, slots=True)
class Changes:
    """What runs from now on, and by dotted key what is new in it and what waits for a restart."""

    config: Config
    taken: tuple[str, ...]
    waiting: tuple[str, ...]


def changes(running: Config, read: Config) -> Changes:
    """What to take over into `running` of what was `read`; a key that needs a restart keeps its running value."""
    changed = [name for name in keys() if value_of(running, name) != value_of(read, name)]
    taken = tuple(name for name in changed if _is_taken(name, running, read))
    waiting = tuple(name for name in changed if name not in taken)
    return Changes(with_values(running, {name: value_of(read, name) for name in taken}), taken, waiting)


def reloadable_values(config: Config) -> dict[str, object]:
    """All that a reload may change, as JSON knows it; nothing of it is secret."""
    return {
        key.name: plain(value_of(config, key.name)) for key in keys().values() if key.takes_effect is TakesEffect.RELOAD
    }


def with_reloadable_values(config: Config, values: Mapping[str, object]) -> Config:
    """`config` with what `reloadable_values` gave for another one."""
    return with_values(config, {name: from_toml(keys()[name], value) for name, value in values.items()})


def _is_taken(name: str, running: Config, read: Config) -> bool:
    if name.startswith("tls.") and running.is_encrypted != read.is_encrypted:
        # A listener speaks TLS or it does not: only its certificate can change.
        return False
    return keys()[name].takes_effect is TakesEffect.RELOAD
