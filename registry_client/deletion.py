"""Deleting manifests, tags and blobs (distribution-spec, "Content Management")."""

from __future__ import annotations

from oci_spec.digest import Digest
from oci_spec.reference import Reference, RepositoryName
from registry_client.errors import BlobNotFound, ManifestNotFound
from registry_client.scopes import to_delete
from registry_client.transport import Request, Transport

_DELETED = frozenset({200, 202, 204})


async def delete_manifest(transport: Transport, repository: RepositoryName, reference: Reference) -> None:
    """Delete a manifest with all its tags, or one tag.

    Raises:
        ManifestNotFound, RepositoryNotFound: it is not there; a deletion whose answer was lost has been made again.
        Unsupported, Refused: the registry does not delete, or not this.
    """
    url = transport.origin.url(f"/v2/{repository}/manifests/{reference}")
    await transport.fetch(Request("DELETE", url, to_delete(repository), not_found=ManifestNotFound), _DELETED)


async def delete_blob(transport: Transport, repository: RepositoryName, digest: Digest) -> None:
    """Delete a blob from a repository.

    Raises:
        BlobNotFound, RepositoryNotFound: it is not there; a deletion whose answer was lost has been made again.
        Unsupported, Refused: the registry does not delete, or not this.
    """
    url = transport.origin.url(f"/v2/{repository}/blobs/{digest}")
    await transport.fetch(Request("DELETE", url, to_delete(repository), not_found=BlobNotFound), _DELETED)
