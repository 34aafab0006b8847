"""Manifests: their exact bytes, and what they refer to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, func, select, tuple_, update
from sqlalchemy import insert as plain_insert

from oci_spec.digest import Digest
from oci_spec.manifest import ManifestKind
from registry.metadata.manifest_entries import entries
from registry.metadata.platforms import decode_platform, encode_platform
from registry.metadata.rows import ManifestReference, ManifestRow, NewManifest, ReferenceRole, Referrer
from registry.metadata.schema import manifest, manifest_lease, manifest_reference
from registry.metadata.statements import (
    Runner,
    digest_values,
    has_digest,
    has_some_digest,
    insert,
    kept,
    some_digests_values,
    to_digest,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from typing import Any

    from registry.metadata.rows import ManifestEntry

_IN_REPOSITORY = manifest.c.repository_id == bindparam("in_repository")
_COLUMNS = (
    manifest.c.algorithm,
    manifest.c.digest,
    manifest.c.id,
    manifest.c.repository_id,
    manifest.c.media_type,
    manifest.c.kind,
    manifest.c.artifact_type,
    manifest.c.config_media_type,
    manifest.c.subject_algorithm,
    manifest.c.subject_digest,
    manifest.c.annotations,
    manifest.c.size,
    manifest.c.pushed_at,
    manifest.c.pushed_by,
    manifest.c.pulled_at,
)
_INSERT = insert(
    manifest,
    lambda new: new.on_conflict_do_nothing(index_elements=["repository_id", "algorithm", "digest"]).returning(
        *_COLUMNS
    ),
)
_UPDATE = update(manifest).where(_IN_REPOSITORY, has_digest(manifest)).returning(*_COLUMNS)
_FIND = kept(select(*_COLUMNS).where(_IN_REPOSITORY, has_digest(manifest)), manifest)
_KNOWN = kept(
    select(manifest.c.algorithm, manifest.c.digest).where(_IN_REPOSITORY, has_some_digest(manifest)), manifest
)
_KEEP = kept(select(manifest.c.id).where(manifest.c.id == bindparam("manifest_id")), manifest)
_LEASE = insert(
    manifest_lease,
    lambda new: new.on_conflict_do_update(
        index_elements=["manifest_id"],
        set_={"lease_until": new.excluded.lease_until},
        where=new.excluded.lease_until > manifest_lease.c.lease_until,
    ),
)
_LEASE_SINCE = (
    update(manifest_lease)
    .where(
        manifest_lease.c.manifest_id.in_(select(manifest.c.id).where(_IN_REPOSITORY)),
        manifest_lease.c.lease_until >= bindparam("since"),
        manifest_lease.c.lease_until < bindparam("until"),
    )
    .values(lease_until=bindparam("until"))
)
_CONTENT = select(manifest.c.content).where(manifest.c.id == bindparam("manifest_id"))
_DELETE = delete(manifest).where(_IN_REPOSITORY, has_digest(manifest))
_ARTIFACT_TYPE = func.coalesce(manifest.c.artifact_type, manifest.c.config_media_type)
_REFERRERS = (
    select(
        manifest.c.algorithm,
        manifest.c.digest,
        manifest.c.media_type,
        manifest.c.size,
        _ARTIFACT_TYPE,
        manifest.c.annotations,
    )
    .where(
        _IN_REPOSITORY,
        manifest.c.subject_algorithm == bindparam("this_algorithm"),
        manifest.c.subject_digest == bindparam("this_digest"),
    )
    .order_by(manifest.c.algorithm, manifest.c.digest)
    .limit(bindparam("limit"))
)
_FORGET_REFERENCES = delete(manifest_reference).where(manifest_reference.c.manifest_id == bindparam("manifest_id"))
_REFER = plain_insert(manifest_reference)
_REFERENCES = (
    select(
        manifest_reference.c.algorithm,
        manifest_reference.c.digest,
        manifest_reference.c.role,
        manifest_reference.c.media_type,
        manifest_reference.c.size,
        manifest_reference.c.platform,
        manifest_reference.c.present,
    )
    .where(manifest_reference.c.manifest_id == bindparam("manifest_id"))
    .order_by(manifest_reference.c.position)
)
_SETTLE = (
    update(manifest_reference)
    .where(
        manifest_reference.c.present.is_(False),
        exists().where(
            manifest.c.repository_id == manifest_reference.c.repository_id,
            manifest.c.algorithm == manifest_reference.c.algorithm,
            manifest.c.digest == manifest_reference.c.digest,
        ),
    )
    .values(present=True)
)
_PARENTS = (
    select(manifest.c.algorithm, manifest.c.digest)
    .join_from(manifest_reference, manifest)
    .where(manifest_reference.c.repository_id == bindparam("in_repository"), has_digest(manifest_reference))
    .order_by(manifest.c.algorithm, manifest.c.digest)
    .distinct()
)


class Manifests:
    """The manifests of all repositories."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def put(self, repository_id: int, new: NewManifest) -> tuple[ManifestRow, bool]:
        """Store a manifest with its references and give its row and whether it is new to the repository.

        Of one that is already there the bytes stay; the media type, who pushed it and when, and its references become
        those of this push.
        """
        values = _values(new)
        this = {"in_repository": repository_id, **digest_values(new.digest)}
        made = {
            "repository_id": repository_id,
            "algorithm": new.digest.algorithm,
            "digest": new.digest.raw,
            "content": new.content,
            **values,
        }
        while True:
            row = self._runner.row(_INSERT, made)
            created = row is not None
            if row is None:
                row = self._runner.row(_UPDATE, {**this, **values})
            if row is not None:
                break
        stored = _to_manifest(row)
        if not created:
            self._runner.change(_FORGET_REFERENCES, {"manifest_id": stored.id})
        self._refer(stored, new.references)
        return stored, created

    def find(self, repository_id: int, digest: Digest) -> ManifestRow | None:
        """Give the manifest with this digest if the repository holds it; it stays until the transaction ends."""
        row = self._runner.row(_FIND, {"in_repository": repository_id, **digest_values(digest)})
        return None if row is None else _to_manifest(row)

    def exists(self, repository_id: int, digest: Digest) -> bool:
        """Say whether the repository holds this manifest; if so it stays until the transaction ends."""
        return bool(self.known(repository_id, (digest,)))

    def known(self, repository_id: int, digests: Collection[Digest]) -> set[Digest]:
        """Give those of `digests` that are manifests of the repository; they stay until the transaction ends."""
        found: set[Digest] = set()
        for values in some_digests_values(digests):
            found.update(map(to_digest, self._runner.rows(_KNOWN, {"in_repository": repository_id, **values})))
        return found

    def lease(self, manifest_id: int, lease_until: datetime) -> bool:
        """Keep the manifest from being collected until `lease_until` at least; False when it is not there any more."""
        # The row first: whoever removes the manifest looks at its lease only once it holds the row.
        if self._runner.value(_KEEP, {"manifest_id": manifest_id}) is None:
            return False
        self._runner.change(_LEASE, {"manifest_id": manifest_id, "lease_until": lease_until})
        return True

    def lease_since(self, repository_id: int, since: datetime, lease_until: datetime) -> int:
        """Lengthen to `lease_until` each lease in the repository that had not ended at `since`, and count them."""
        return self._runner.change(_LEASE_SINCE, {"in_repository": repository_id, "since": since, "until": lease_until})

    def content(self, manifest_id: int) -> bytes:
        """Give the exact bytes of a manifest that is known to be there."""
        content: bytes = self._runner.value(_CONTENT, {"manifest_id": manifest_id})
        return content

    def delete(self, repository_id: int, digest: Digest) -> bool:
        """Remove the manifest and what it refers to, not the tags that name it; False when it was not there."""
        return self._runner.change(_DELETE, {"in_repository": repository_id, **digest_values(digest)}) > 0

    def referrers(
        self,
        repository_id: int,
        subject: Digest,
        artifact_types: Collection[str],
        after: Digest | None,
        *,
        limit: int,
    ) -> list[Referrer]:
        """Give up to `limit` manifests whose subject is `subject`, in the order of their digests, those past `after`.

        With `artifact_types` only those of one of these types; the type of an image that names none is that of its
        config (distribution-spec, "Listing Referrers"). The subject itself need not exist.
        """
        query = _REFERRERS
        if artifact_types:
            query = query.where(_ARTIFACT_TYPE.in_(sorted(artifact_types)))
        if after is not None:
            query = query.where(tuple_(manifest.c.algorithm, manifest.c.digest) > (after.algorithm, after.raw))
        values = {"in_repository": repository_id, "limit": limit, **digest_values(subject)}
        return [
            Referrer(
                digest=to_digest(row),
                media_type=row[2],
                size=row[3],
                artifact_type=row[4],
                annotations=_decode_annotations(row[5]),
            )
            for row in self._runner.rows(query, values)
        ]

    def references(self, manifest_id: int) -> list[ManifestReference]:
        """Give what a manifest refers to, in the order of its descriptors."""
        return [
            ManifestReference(
                digest=to_digest(row),
                role=ReferenceRole(row[2]),
                media_type=row[3],
                size=row[4],
                platform=decode_platform(row[5]),
                present=row[6],
            )
            for row in self._runner.rows(_REFERENCES, {"manifest_id": manifest_id})
        ]

    def settle_references(self) -> int:
        """Note of each manifest that is there now that it is present wherever it is referred to; counts what changed.

        For manifests that were stored in another order than they were pushed in.
        """
        return self._runner.change(_SETTLE)

    def entries(
        self, manifest_ids: Collection[int], roles: Collection[ReferenceRole], width: int
    ) -> list[ManifestEntry]:
        """Give those of the first `width` entries of each manifest that have one of `roles`, in their order."""
        return entries(self._runner, manifest_ids, roles, width)

    def parents(self, repository_id: int, digest: Digest) -> list[Digest]:
        """Give the manifests of the repository that refer to `digest`, as their config, layer or child."""
        rows = self._runner.rows(_PARENTS, {"in_repository": repository_id, **digest_values(digest)})
        return [to_digest(row) for row in rows]

    def _refer(self, stored: ManifestRow, references: tuple[ManifestReference, ...]) -> None:
        rows = [
            {
                "manifest_id": stored.id,
                "position": position,
                "repository_id": stored.repository_id,
                "role": reference.role,
                "algorithm": reference.digest.algorithm,
                "digest": reference.digest.raw,
                "media_type": reference.media_type,
                "size": reference.size,
                "platform": encode_platform(reference.platform),
                "present": reference.present,
            }
            for position, reference in enumerate(references)
        ]
        self._runner.change_many(_REFER, rows)


def _values(new: NewManifest) -> dict[str, Any]:
    return {
        "media_type": new.media_type,
        "kind": new.kind.value,
        "artifact_type": new.artifact_type,
        "config_media_type": new.config_media_type,
        "subject_algorithm": None if new.subject is None else new.subject.algorithm,
        "subject_digest": None if new.subject is None else new.subject.raw,
        # Escaped to ASCII: JSON may hold U+0000 and lone surrogates, which the databases' text may not.
        "annotations": None if new.annotations is None else json.dumps(dict(new.annotations), separators=(",", ":")),
        "size": len(new.content),
        "pushed_at": new.pushed_at,
        "pushed_by": new.pushed_by,
    }


def _to_manifest(row: Sequence[Any]) -> ManifestRow:
    return ManifestRow(
        digest=to_digest(row),
        id=row[2],
        repository_id=row[3],
        media_type=row[4],
        kind=ManifestKind(row[5]),
        artifact_type=row[6],
        config_media_type=row[7],
        subject=None if row[8] is None else Digest.from_raw(row[8], row[9]),
        annotations=_decode_annotations(row[10]),
        size=row[11],
        pushed_at=row[12],
        pushed_by=row[13],
        pulled_at=row[14],
    )


def _decode_annotations(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    decoded: dict[str, str] = json.loads(text)
    return decoded
