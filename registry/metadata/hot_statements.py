"""The few statements that every request needs, declared once and compiled once for the driver they run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Integer, LargeBinary, String, and_, bindparam, select, true, union_all

from registry.metadata.schema import (
    account,
    blob,
    credential,
    link,
    manifest,
    manifest_lease,
    member,
    namespace,
    repository,
    role_grant,
    tag,
    team_member,
    upload,
)

if TYPE_CHECKING:
    from sqlalchemy import CompoundSelect, Select
    from sqlalchemy.engine import Dialect

_NAME = repository.c.name == bindparam("repository", type_=String)
_TAG = and_(
    tag.c.repository_id == repository.c.id,
    tag.c.name == bindparam("tag", type_=String),
    tag.c.valid_until.is_(None),
)
_ALGORITHM = bindparam("algorithm", type_=String)
_RAW = bindparam("digest", type_=LargeBinary)

_ACCOUNT = bindparam("account_id", type_=BigInteger)
# No list that is expanded when it is known: a check always asks for these three.
_IN_BUCKETS = role_grant.c.bucket.in_([bindparam(f"bucket{number}", type_=String) for number in range(3)])
_ROLE = (role_grant.c.pattern, role_grant.c.role)

# Algorithm and digest come first everywhere; times are read as the numbers that the column holds.
_MANIFEST = (manifest.c.algorithm, manifest.c.digest, manifest.c.id, manifest.c.repository_id)
_SELECTS: dict[str, Select[Any] | CompoundSelect[Any]] = {
    "manifest_by_tag": select(*_MANIFEST, tag.c.id, manifest.c.media_type, manifest.c.size)
    .join_from(repository, tag, _TAG)
    .join(
        manifest,
        and_(
            manifest.c.repository_id == tag.c.repository_id,
            manifest.c.algorithm == tag.c.algorithm,
            manifest.c.digest == tag.c.digest,
        ),
    )
    .where(_NAME),
    "manifest_by_digest": select(*_MANIFEST, manifest.c.media_type, manifest.c.size, manifest_lease.c.lease_until)
    .join_from(repository, manifest)
    .outerjoin(manifest_lease)
    .where(_NAME, manifest.c.algorithm == _ALGORITHM, manifest.c.digest == _RAW),
    "manifest_content": select(manifest.c.content).where(manifest.c.id == bindparam("manifest_id", type_=Integer)),
    "tag_digest": select(tag.c.algorithm, tag.c.digest).join_from(repository, tag, _TAG).where(_NAME),
    "linked_blob": select(
        blob.c.algorithm,
        blob.c.digest,
        link.c.repository_id,
        blob.c.id,
        blob.c.size,
        blob.c.key,
        link.c.lease_until,
        blob.c.state,
    )
    .join_from(repository, link)
    .join(blob)
    .where(_NAME, blob.c.algorithm == _ALGORITHM, blob.c.digest == _RAW),
    "blob": select(
        blob.c.algorithm, blob.c.digest, blob.c.id, blob.c.size, blob.c.key, blob.c.state, blob.c.created_at
    ).where(blob.c.algorithm == _ALGORITHM, blob.c.digest == _RAW),
    "upload": select(*upload.c).where(upload.c.id == bindparam("upload_id", type_=String)),
    "account_by_name": select(*account.c).where(account.c.name == bindparam("name", type_=String)),
    "account_by_id": select(*account.c).where(account.c.id == _ACCOUNT),
    "credential_by_hash": select(*credential.c).where(credential.c.hash == bindparam("hash", type_=LargeBinary)),
    "standing": select(
        account.c.generation,
        account.c.is_admin,
        account.c.is_disabled,
        account.c.expires_at,
        credential.c.kind,
        credential.c.revoked_at,
        credential.c.expires_at,
    )
    .outerjoin_from(
        account,
        credential,
        and_(credential.c.id == bindparam("credential_id", type_=BigInteger), credential.c.account_id == account.c.id),
    )
    .where(account.c.id == _ACCOUNT),
    "repository_standing": select(namespace.c.kind, repository.c.visibility, member.c.is_owner)
    .outerjoin_from(namespace, repository, _NAME)
    .outerjoin(member, and_(member.c.namespace_id == namespace.c.id, member.c.account_id == _ACCOUNT))
    .where(namespace.c.name == bindparam("namespace", type_=String)),
    "namespace_owner": select(member.c.account_id)
    .join_from(namespace, member)
    .where(
        namespace.c.name == bindparam("namespace", type_=String),
        member.c.account_id == _ACCOUNT,
        member.c.is_owner == true(),
    ),
    "granted_roles": union_all(
        select(*_ROLE).where(role_grant.c.account_id == _ACCOUNT, _IN_BUCKETS),
        select(*_ROLE)
        .join_from(team_member, role_grant, role_grant.c.team_id == team_member.c.team_id)
        .where(team_member.c.account_id == _ACCOUNT, _IN_BUCKETS),
    ),
}


# For all databases that a process opens, and for the workers that are forked from it.
_compiled: dict[tuple[type[Dialect], str], Mapping[str, HotStatement]] = {}


@dataclass(frozen=True, slots=True)
class HotStatement:
    """The text of a statement in the driver's dialect, and the names of its parameters in their order."""

    text: str
    order: tuple[str, ...]

    def arguments(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """Give `values` in the order that the text asks for."""
        return tuple(values[name] for name in self.order)


def compile_all(dialect: Dialect) -> Mapping[str, HotStatement]:
    """Give every hot statement by its name, for the driver of `dialect`."""
    key = (type(dialect), dialect.paramstyle)
    if key not in _compiled:
        _compiled[key] = MappingProxyType(_compile(dialect))
    return _compiled[key]


def _compile(dialect: Dialect) -> dict[str, HotStatement]:
    compiled = {}
    for name, query in _SELECTS.items():
        statement = query.compile(dialect=dialect)
        compiled[name] = HotStatement(str(statement), tuple(statement.positiontup or ()))
    return compiled
