"""What this machine's configuration of registries forbids, or does not say.

RegistriesError
├── RegistryBlocked(name)               the configuration forbids the registry
└── ConfigurationInvalid(path, reason)  a file of it cannot be used
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError

_REASON_CHARACTERS = 300


class RegistriesError(RunnerError):
    """A registry is not spoken to."""


class RegistryBlocked(RegistriesError):
    """The configuration of this machine forbids the registry."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{_shown(self.name)} is blocked by registries.conf"


class ConfigurationInvalid(RegistriesError):
    """A configuration file of this machine cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{_shown(self.path)}: {_shown(self.reason)}"


def _shown(text: str) -> str:
    return text if text.isprintable() and len(text) <= _REASON_CHARACTERS else quoted(text[:_REASON_CHARACTERS])
