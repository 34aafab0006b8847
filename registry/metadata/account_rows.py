"""The values that the metadata database gives and takes about accounts and what they may do.

They are plain frozen values, like those of `registry.metadata.rows`. Names, roles, scopes and patterns are text here:
what they mean is known to `registry.auth`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from datetime import datetime


LOCAL: Final = "local"
"""The source of accounts that the registry itself keeps the passwords of."""


class AccountKind(StrEnum):
    """Who an account is of."""

    USER = "user"
    ROBOT = "robot"


class NamespaceKind(StrEnum):
    """Whose the repositories of a namespace are."""

    USER = "user"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to be made; `namespace_id` is that of a robot, `external_id` what another source knows it by."""

    name: str
    kind: AccountKind
    created_at: datetime
    created_by: str
    source: str = LOCAL
    namespace_id: int | None = None
    external_id: str | None = None
    password_hash: str | None = field(default=None, repr=False)
    is_admin: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands; what was proved in an older `generation` counts no more."""

    id: int
    name: str
    kind: AccountKind
    namespace_id: int | None
    source: str
    external_id: str | None
    password_hash: str | None = field(repr=False)
    is_admin: bool
    is_disabled: bool
    generation: int
    expires_at: datetime | None
    created_at: datetime
    created_by: str
    last_login_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether it may be used now: neither disabled nor expired."""
        return not self.is_disabled and not _is_past(self.expires_at, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """A credential to be made; `hash` is the SHA-256 of its secret, which is kept nowhere."""

    account_id: int
    kind: str
    name: str
    hash: bytes = field(repr=False)
    scope: str
    generation: int
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as it stands."""

    id: int
    account_id: int
    kind: str
    name: str
    hash: bytes = field(repr=False)
    scope: str
    generation: int
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None

    def is_live(self, now: datetime) -> bool:
        """Whether it may be used now: neither revoked nor expired."""
        return self.revoked_at is None and not _is_past(self.expires_at, now)


class CredentialUse(msgspec.Struct, frozen=True):
    """That a credential was used, when, and from which address."""

    credential_id: int
    at: datetime
    address: str


class NewFederation(msgspec.Struct, frozen=True, kw_only=True):
    """A workload to be trusted as an account; `claims` is text that only its writer knows to read."""

    account_id: int
    issuer: str
    audience: str
    claims: str
    created_at: datetime
    created_by: str


class Federation(msgspec.Struct, frozen=True):
    """A workload that is trusted as an account: tokens of `issuer` for `audience` with these claims."""

    id: int
    account_id: int
    issuer: str
    audience: str
    claims: str
    created_at: datetime
    created_by: str


class Namespace(msgspec.Struct, frozen=True):
    """A user's own namespace or an organisation's."""

    id: int
    name: str
    kind: NamespaceKind
    created_at: datetime


class OrganisationSummary(msgspec.Struct, frozen=True):
    """An organisation, and how many belong to it and are in it."""

    name: str
    created_at: datetime
    members: int
    teams: int
    repositories: int


class Member(msgspec.Struct, frozen=True):
    """An account that belongs to a namespace."""

    account_id: int
    name: str
    is_owner: bool
    created_at: datetime


class Membership(msgspec.Struct, frozen=True):
    """A namespace that an account belongs to."""

    namespace: Namespace
    is_owner: bool


class Team(msgspec.Struct, frozen=True):
    """Some accounts of an organisation that are granted roles together."""

    id: int
    namespace_id: int
    name: str
    created_at: datetime


class NewGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A role to be granted to an account or to a team, exactly one of them, on the repositories of a pattern."""

    account_id: int | None = None
    team_id: int | None = None
    pattern: str
    bucket: str
    role: str
    created_at: datetime
    created_by: str


class Grant(msgspec.Struct, frozen=True):
    """A role that is granted."""

    id: int
    account_id: int | None
    team_id: int | None
    pattern: str
    bucket: str
    role: str
    created_at: datetime
    created_by: str


class NamedGrant(msgspec.Struct, frozen=True):
    """A role that is granted, and to whom: the account of a name, or a team of a name in a namespace."""

    grant: Grant
    account: str | None
    namespace: str | None
    team: str | None


class Standing(msgspec.Struct, frozen=True):
    """What every request asks again of the account, and of the credential, that a proof was made for.

    It is judged by the time of each request, so that an answer that is remembered expires with what it is about.
    `credential_kind` is None where no credential was asked for, or the account has none with that id.
    """

    generation: int
    is_admin: bool
    is_disabled: bool
    expires_at: datetime | None
    credential_kind: str | None
    credential_revoked: bool
    credential_expires_at: datetime | None

    @property
    def ends_at(self) -> datetime | None:
        """When account or credential expire, whichever is first; None where neither does."""
        return min(filter(None, (self.expires_at, self.credential_expires_at)), default=None)

    def account_is_live(self, now: datetime) -> bool:
        """Whether the account is neither disabled nor expired."""
        return not self.is_disabled and not _is_past(self.expires_at, now)

    def credential_is_live(self, now: datetime) -> bool:
        """Whether the account has the credential, and it is neither revoked nor expired."""
        has_credential = self.credential_kind is not None
        return has_credential and not self.credential_revoked and not _is_past(self.credential_expires_at, now)


class RepositoryStanding(msgspec.Struct, frozen=True):
    """What decides about a repository beside grants; `visibility` is None where it does not exist yet."""

    namespace_kind: NamespaceKind
    visibility: str | None
    is_owner: bool


def _is_past(time: datetime | None, now: datetime) -> bool:
    return time is not None and time <= now
