"""Who a client says it is: credentials, each of one origin, which never show their secrets."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from registry_client.errors import CredentialsInvalid
from registry_client.origin import Origin

# RFC 7617, "The 'Basic' Authentication Scheme": they must not be in either.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody in particular: what public repositories are read as."""


@dataclass(frozen=True, slots=True)
class Password:
    """A user's name and password, or a personal token in the password's place."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if ":" in self.username or _CONTROLS.search(self.username + self.password):
            raise CredentialsInvalid("a name must not have a colon, and neither it nor a password control characters")

    def basic(self) -> str:
        """The `Authorization` field (RFC 7617)."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """A refresh token that a login left behind; what Docker's configuration calls `identitytoken`."""

    token: str = field(repr=False)


Credentials = Anonymous | Password | IdentityToken


class CredentialProvider(Protocol):
    """Where credentials come from: a file, a helper program, a configuration."""

    async def credentials(self, origin: Origin) -> Credentials:
        """What belongs to `origin`, and to it alone; `Anonymous` where there is nothing."""


class KnownCredentials:
    """A provider that is told all its credentials, by origin."""

    def __init__(self, known: Mapping[Origin, Credentials] | None = None) -> None:
        self._known = dict(known or {})

    async def credentials(self, origin: Origin) -> Credentials:
        return self._known.get(origin, Anonymous())
