"""Cross-repository mount: a blob that one repository holds is linked into another without moving a byte."""

from __future__ import annotations

from dataclasses import replace

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.access import Access
from registry.auth.permission import Permission
from registry.auth.subject import Subject
from registry.errors import ScopeInsufficient
from registry.metadata.rows import BlobState, Visibility
from registry.metadata.transaction import Transaction
from registry.services import events
from registry.services.context import Services, lease_from, now
from registry.services.events import About, EventKind


async def mount(services: Services, access: Access, digest: Digest, source: RepositoryName | None) -> bool:
    """Link `digest` from `source` (None: from any repository that the subject may read) into the repository.

    False when no readable source holds it: a source without pull permission answers as if the blob were absent, since
    knowing a digest must not be a way to the bytes (distribution-spec, "Mounting a blob from another repository").

    Raises:
        ScopeInsufficient: the subject may pull from the source, and did not ask for that when they got their token.
        NamespaceUnknown: the namespace has been removed since the push was allowed.
    """
    sources = [source] if source is not None else await services.database.read(_holders, digest)
    readable = [name for name in sources if await services.policy.allows(access.subject, Permission.PULL, name)]
    if not readable:
        if source is not None and await _would_with_wider_token(services, access.subject, source):
            raise ScopeInsufficient
        return False
    return await services.database.write(
        _link, access, digest, readable, visibility=services.settings.default_visibility
    )


async def _would_with_wider_token(services: Services, subject: Subject, source: RepositoryName) -> bool:
    # One that was made for a credential may reach as far as that does, and there is no wider one to be had.
    proof = subject.proof
    if proof is None or proof.granted is None or proof.credential_id is not None:
        return False
    account = replace(subject, proof=replace(proof, granted=None))
    return await services.policy.allows(account, Permission.PULL, source)


def _holders(tx: Transaction, digest: Digest) -> list[RepositoryName]:
    return tx.blobs.readable_repositories(digest, limits.MOUNT_CANDIDATES)


def _link(
    tx: Transaction, access: Access, digest: Digest, sources: list[RepositoryName], *, visibility: Visibility
) -> bool:
    for name in sources:
        source = tx.repositories.find(name)
        linked = tx.blobs.linked(source.id, digest) if source is not None else None
        # Of a suspect copy, what the client uploads in place of the mount is what puts the bytes back.
        if linked is not None and linked.state is BlobState.PRESENT:
            moment = now()
            target = tx.repositories.ensure(
                access.repository, moment, visibility, may_make_namespace=access.may_make_namespace
            )
            tx.blobs.link(target.id, linked.blob_id, lease_from(moment), now=moment)
            events.record(tx, EventKind.BLOB_LINKED, About(access, moment), digest=digest, source=name)
            return True
    return False
