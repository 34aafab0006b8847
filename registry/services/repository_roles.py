"""Who may do what in one repository, and by what: the namespace, a grant, or a team's grant; and whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from oci_spec.reference import RepositoryName
from registry.auth.access import Access
from registry.auth.grantee import Grantee
from registry.auth.pattern import RepositoryPattern, buckets
from registry.auth.roles import Role
from registry.errors import RepositoryUnknown
from registry.metadata.account_rows import NamedGrant
from registry.metadata.rows import Visibility
from registry.metadata.transaction import Transaction
from registry.services import grants
from registry.services.context import Services


class Source(msgspec.Struct, frozen=True):
    """What gives a role: a grant by `pattern` (None: to own the namespace), to the `team` of whoever has the role."""

    role: Role
    pattern: str | None = None
    team: str | None = None


class Holder(msgspec.Struct, frozen=True):
    """An account, or a team as `@team/builders`, and all that gives it a role, the highest first."""

    name: str
    sources: tuple[Source, ...]

    @property
    def role(self) -> Role:
        """The role that counts."""
        return self.sources[0].role


class RepositoryRoles(msgspec.Struct, frozen=True):
    """Some who have a role in a repository, by name; administrators are not told, who may do everything anywhere."""

    visibility: Visibility
    holders: list[Holder]


async def show(services: Services, access: Access, *, after: str = "", limit: int) -> RepositoryRoles:
    """Up to `limit` who may do what in the repository, by name, beginning after the name `after`.

    Also accounts that are disabled: they have their roles when they are not.

    Raises:
        RepositoryUnknown: there is no such repository.
    """
    return await services.database.read(_show, access.repository, after, limit)


async def owners(services: Services, names: Sequence[RepositoryName]) -> list[tuple[str, ...]]:
    """To whom each of these repositories belongs: whom it was granted by its name as owner, else its namespace."""
    return await services.database.read(_owners, names)


async def change_owner(services: Services, access: Access, owner: Grantee) -> None:
    """Let the repository belong to `owner`, and to nobody else whom it was granted by its name. May be repeated.

    What owners of its namespace, and of patterns that it fits, may do in it stays as it is.

    Raises:
        RepositoryUnknown: there is no such repository.
        AccountUnknown, TeamUnknown: there is no such account, or team, or the subject may not know of it.
        RobotOwner: a robot would be it.
    """
    await grants.require_sight(services, access.subject, owner, access.repository.namespace)
    await services.database.write(_change_owner, access, owner)


def _show(tx: Transaction, name: RepositoryName, after: str, limit: int) -> RepositoryRoles:
    repository = tx.repositories.find(name)
    if repository is None:
        raise RepositoryUnknown(name)
    found: dict[str, list[Source]] = {}
    for holder, source in (*_of_namespace(tx, name), *_of_grants(tx, name)):
        if holder > after:
            found.setdefault(holder, []).append(source)
    holders = [Holder(holder, _highest_first(found[holder])) for holder in sorted(found)[:limit]]
    return RepositoryRoles(tx.repositories.visibility(repository.id), holders)


def _owners(tx: Transaction, names: Sequence[RepositoryName]) -> list[tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for granted in tx.grants.in_buckets(tuple(map(str, names))):
        if granted.grant.role == Role.OWNER:
            found.setdefault(granted.grant.pattern, []).append(_name(granted))
    return [tuple(sorted(found.get(str(name), [name.namespace]))) for name in names]


def _of_namespace(tx: Transaction, name: RepositoryName) -> Iterator[tuple[str, Source]]:
    namespace = tx.namespaces.find(name.namespace)
    for member in tx.namespaces.members(namespace.id) if namespace is not None else ():
        if member.is_owner:
            yield member.name, Source(Role.OWNER)


def _of_grants(tx: Transaction, name: RepositoryName) -> Iterator[tuple[str, Source]]:
    for granted in tx.grants.in_buckets(buckets(name)):
        if RepositoryPattern(granted.grant.pattern).fits(name):
            yield from _holders(tx, granted)


def _holders(tx: Transaction, granted: NamedGrant) -> Iterator[tuple[str, Source]]:
    role, pattern = Role(granted.grant.role), granted.grant.pattern
    yield _name(granted), Source(role, pattern)
    if granted.grant.team_id is not None:
        for member in tx.teams.members(granted.grant.team_id):
            yield member, Source(role, pattern, _name(granted))


def _name(granted: NamedGrant) -> str:
    return granted.account if granted.account is not None else f"@{granted.namespace}/{granted.team}"


def _highest_first(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple(sorted(sources, key=lambda source: -source.role.rank))


def _change_owner(tx: Transaction, access: Access, owner: Grantee) -> None:
    if tx.repositories.lock(access.repository) is None:
        raise RepositoryUnknown(access.repository)
    pattern = RepositoryPattern(str(access.repository))
    owners = {
        _name(granted): granted.grant
        for granted in tx.grants.in_buckets((pattern.bucket,))
        if granted.grant.role == Role.OWNER
    }
    if owners.pop(str(owner), None) is None:
        grants.give(tx, owner, Role.OWNER, pattern, actor=access.actor)
    for name, grant in owners.items():
        grants.end(tx, grant, name, actor=access.actor)
