"""What tests do with a store, each in a session of its own."""

from oci_spec.digest import Digest
from storage_backends.contract import BlobStore, StoredObject, UploadState
from tests.contracts.blob_store.sources import chunks


async def append(store: BlobStore, state: UploadState, *parts: bytes) -> UploadState:
    """Append `parts` in a session of their own."""
    async with store.session(state.key) as session:
        return await session.append(state, chunks(*parts))


async def commit(store: BlobStore, state: UploadState, digest: Digest) -> StoredObject:
    """Commit in a session of its own."""
    async with store.session(state.key) as session:
        return await session.commit(state, digest)


async def stored(store: BlobStore, content: bytes, algorithm: str = "sha256") -> StoredObject:
    """`content`, committed."""
    state = await append(store, await store.begin(algorithm), content)
    return await commit(store, state, Digest.of(content, algorithm))


async def content_of(store: BlobStore, key: str) -> bytes:
    """Everything that a reader of `key` gives."""
    async with await store.open(key) as reader:
        return b"".join([chunk async for chunk in reader.chunks(0, reader.size)])
