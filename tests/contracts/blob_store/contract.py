"""All that every blob store promises."""

from storage_backends.contract import BlobStore
from tests.contracts.blob_store.objects import ObjectContract
from tests.contracts.blob_store.reading import ReadingContract
from tests.contracts.blob_store.sending import SendingContract
from tests.contracts.blob_store.sessions import SessionContract
from tests.contracts.blob_store.uploads import UploadContract


class BlobStoreContract(UploadContract, SessionContract, ReadingContract, SendingContract, ObjectContract):
    """All of it."""

    async def test_a_probe_leaves_nothing_behind(self, store: BlobStore) -> None:
        await store.probe()

        assert [blob async for blob in store.list_keys()] == []
        assert [upload async for upload in store.list_uploads()] == []
        assert [name async for name in store.list_objects("")] == []
