"""What every blob store promises.

A backend's tests subclass `BlobStoreContract`, give it the fixtures `store` and `peer` (another store on the same
storage, as another process has it), and add only its own faults.
"""

from tests.contracts.blob_store.calls import append, commit, content_of, stored
from tests.contracts.blob_store.contract import BlobStoreContract
from tests.contracts.blob_store.sources import MIB, Filling, chunks, interrupted

__all__ = [
    "MIB",
    "BlobStoreContract",
    "Filling",
    "append",
    "chunks",
    "commit",
    "content_of",
    "interrupted",
    "stored",
]
