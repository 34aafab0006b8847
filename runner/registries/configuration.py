"""What this machine says of registries: `registries.conf` (containers-registries.conf(5), version 2).

Read are the system's file or the user's in its place, and the drop-ins of both: `prefix`, `location`, `insecure`,
`blocked`, `mirror`, `mirror-by-digest-only`, `pull-from-mirror` and `unqualified-search-registries`. Aliases of short
names are not: a name without a registry means what it means to docker.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oci_spec.image_name import ImageName
from runner.limits import REGISTRIES_CONF_BYTES
from runner.registries.errors import ConfigurationInvalid

_SYSTEM = Path("/etc/containers")
_FILE = "registries.conf"
_DROP_INS = "registries.conf.d"
_PULL_FROM_MIRROR = ("all", "digest-only", "tag-only")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A place that has the same images: `location` stands for the registry's prefix."""

    location: str
    insecure: bool = False
    pull_from: str = "all"


@dataclass(frozen=True, slots=True)
class Registry:
    """What is said of the images whose names begin with `prefix`."""

    prefix: str
    location: str
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()

    def covers(self, name: ImageName) -> bool:
        """Whether the image's name begins so, at the border of a component."""
        whole = f"{name.domain}/{name.repository}"
        if self.prefix.startswith("*."):
            host, _, _ = name.domain.partition(":")
            return host.endswith(self.prefix[1:])
        return whole == self.prefix or whole.startswith(f"{self.prefix}/")


@dataclass(frozen=True, slots=True)
class Registries:
    """All that is said, and where names without a registry are looked for (nowhere said: as docker does)."""

    registries: tuple[Registry, ...] = ()
    search: tuple[str, ...] = ()

    def of(self, name: ImageName) -> Registry | None:
        """What is said of an image: of the longest prefix that fits."""
        fitting = [registry for registry in self.registries if registry.covers(name)]
        return max(fitting, key=lambda registry: len(registry.prefix), default=None)


def read(environment: Mapping[str, str] = os.environ, system: Path = _SYSTEM) -> Registries:
    """What the files of this machine say; nothing where there are none.

    Raises:
        ConfigurationInvalid: one of them cannot be read or understood.
    """
    registries: dict[str, Registry] = {}
    search: tuple[str, ...] = ()
    for path in _files(environment, system):
        document = _document(path)
        try:
            for entry in document.get("registry", []):
                registry = _registry(entry)
                registries[registry.prefix] = registry
            search = tuple(map(_text, document.get("unqualified-search-registries", search)))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ConfigurationInvalid(str(path), str(error)) from error
    return Registries(tuple(registries.values()), search)


def _files(environment: Mapping[str, str], system: Path) -> Iterator[Path]:
    if chosen := environment.get("CONTAINERS_REGISTRIES_CONF"):
        yield Path(chosen)
        return
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", "/"), ".config")  # noqa: PTH118
    own = Path(home) / "containers"
    main = own / _FILE if (own / _FILE).exists() else system / _FILE
    if main.exists():
        yield main
    drop_ins = {path.name: path for folder in (system, own) for path in (folder / _DROP_INS).glob("*.conf")}
    yield from (drop_ins[name] for name in sorted(drop_ins))


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(REGISTRIES_CONF_BYTES + 1)
        if len(content) > REGISTRIES_CONF_BYTES:
            raise ConfigurationInvalid(str(path), f"it has more than {REGISTRIES_CONF_BYTES} bytes")
        document = tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigurationInvalid(str(path), error.strerror or str(error)) from error
    except ValueError as error:
        raise ConfigurationInvalid(str(path), str(error)) from error
    if "registries" in document:
        raise ConfigurationInvalid(
            str(path), "it is of version 1, which is not read; see containers-registries.conf(5)"
        )
    return document


def _registry(entry: Mapping[str, Any]) -> Registry:
    location = _text(entry.get("location", ""))
    prefix = _text(entry.get("prefix") or location)
    if not prefix or (not location and not prefix.startswith("*.")):
        raise ValueError("a [[registry]] needs a location")
    by_digest = entry.get("mirror-by-digest-only", False)
    mirrors = [
        Mirror(
            _text(mirror["location"]),
            bool(mirror.get("insecure", False)),
            _pull_from(mirror.get("pull-from-mirror", "digest-only" if by_digest else "all")),
        )
        for mirror in entry.get("mirror", [])
    ]
    return Registry(
        prefix, location, bool(entry.get("insecure", False)), bool(entry.get("blocked", False)), tuple(mirrors)
    )


def _pull_from(value: object) -> str:
    if value not in _PULL_FROM_MIRROR:
        raise ValueError(f"pull-from-mirror is one of {', '.join(_PULL_FROM_MIRROR)}")
    return str(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, not {value!r}")
    return value.rstrip("/")
