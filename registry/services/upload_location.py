"""The `_state` parameter of an upload's Location: a capability that only this registry can make.

It is bound to the upload, its repository and the subject that began it, and names the offset at which it was given
out, so that a request repeated on an old Location is seen to be one (distribution-spec, "Pushing a blob in chunks").
Clients re-encode and re-order the query, so the value is URL-safe and stands alone.
"""

from __future__ import annotations

import base64
import binascii

from oci_spec.reference import RepositoryName
from registry.auth.access import Access
from registry.errors import UploadUnknown
from registry.metadata.rows import Upload
from registry.services.context import Services
from registry.services.server_secrets import SEAL_BYTES

PARAMETER = "_state"

_CONTEXT = "upload-location"
_OFFSET_BYTES = 8


def query_state(services: Services, upload: Upload) -> str:
    """The value of `_state` for the next request of `upload`."""
    offset = upload.offset.to_bytes(_OFFSET_BYTES, "big")
    seal = services.secrets.seal(_CONTEXT, _message(upload.id, upload.repository, upload.subject, offset))
    return base64.urlsafe_b64encode(offset + seal).rstrip(b"=").decode()


async def check_state(services: Services, access: Access, upload_id: str, state: str) -> int:
    """The offset at which `state` was given out to who asks, for this upload, which may be gone by now.

    Raises:
        UploadUnknown: it was not.
    """
    offset = await _offset(services, upload_id, access.repository, subject=access.actor, state=state)
    return int.from_bytes(offset, "big")


async def claimed(services: Services, repository: RepositoryName, upload_id: str, state: str) -> Upload:
    """The upload on whose Location a request came that has `state`, whoever sent it.

    Raises:
        UploadUnknown: there is no such upload in this repository, or the state was not made for it.
    """
    upload = await services.database.lookups.upload(upload_id)
    if upload is None or upload.repository != repository:
        raise UploadUnknown(upload_id)
    await _offset(services, upload_id, repository, subject=upload.subject, state=state)
    return upload


async def _offset(services: Services, upload_id: str, repository: RepositoryName, *, subject: str, state: str) -> bytes:
    try:
        raw = base64.b64decode(state + "=" * (-len(state) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise UploadUnknown(upload_id) from error
    if len(raw) != _OFFSET_BYTES + SEAL_BYTES:
        raise UploadUnknown(upload_id)
    offset, seal = raw[:_OFFSET_BYTES], raw[_OFFSET_BYTES:]
    if not await services.secrets.verifies(_CONTEXT, _message(upload_id, repository, subject, offset), seal):
        raise UploadUnknown(upload_id)
    return offset


def _message(upload_id: str, repository: RepositoryName, subject: str, offset: bytes) -> bytes:
    return b"\0".join((upload_id.encode(), str(repository).encode(), subject.encode(), offset))
