"""An upload session's row and the store's state of its bytes, each made of the other.

What the row keeps is sealed: whoever can write it must not be able to make other bytes pass for a digest, be it with a
hash state of their own making or with one that was sealed for another upload, or for another moment of this one.
"""

from __future__ import annotations

from dataclasses import replace

from registry.metadata.rows import Upload
from registry.services.context import Services
from registry.services.server_secrets import SEAL_BYTES
from storage_backends.contract import UploadState

_CONTEXT = "upload-state"
_LENGTH_BYTES = 8


def sealed_hash_state(services: Services, state: UploadState) -> bytes:
    """What the row of an upload at `state` keeps as its hash state."""
    return services.secrets.seal(_CONTEXT, _message(state)) + state.hash_state


def stored_state(upload: Upload) -> UploadState:
    """The state of the upload's bytes as its row tells it: enough to forget them, not to vouch for them."""
    return UploadState(
        key=upload.key,
        algorithm=upload.algorithm,
        offset=upload.offset,
        hash_state=upload.hash_state[SEAL_BYTES:],
        backend_state=upload.backend_state,
        tail=upload.tail,
    )


async def verified_state(services: Services, upload: Upload) -> UploadState:
    """The state of the upload's bytes to go on from.

    A row that is not as this registry left it, or was sealed under a key that is gone, loses its hash state: the bytes
    are read again at the close.
    """
    state = stored_state(upload)
    if await services.secrets.verifies(_CONTEXT, _message(state), upload.hash_state[:SEAL_BYTES]):
        return state
    return replace(state, hash_state=b"")


def _message(state: UploadState) -> bytes:
    fields = (
        state.key.encode(),
        state.algorithm.encode(),
        str(state.offset).encode(),
        state.hash_state,
        state.backend_state,
        state.tail,
    )
    # Each with its length, so that no two states make the same text.
    return b"".join(len(field).to_bytes(_LENGTH_BYTES, "big") + field for field in fields)
