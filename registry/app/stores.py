"""The blob store that the configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import limits

if TYPE_CHECKING:
    from registry.config.s3_schema import S3
    from registry.config.schema import Storage
    from storage_backends.contract import BlobStore
    from storage_backends.holding import UploadHolds
    from storage_backends.s3.settings import S3Settings


def open_store(storage: Storage, holds: UploadHolds) -> BlobStore:
    """The store, which the caller closes; `holds` serve where it cannot lock. It blocks for a moment.

    Raises:
        StorageError: the store cannot be used.
    """
    # Each backend takes a while to import, S3's most of all, and a process needs only one of them.
    if storage.backend == "s3":
        from storage_backends.s3.store import S3BlobStore

        return S3BlobStore(s3_settings(storage.s3), holds)
    from storage_backends.filesystem.store import FilesystemBlobStore

    return FilesystemBlobStore(storage.filesystem.root, limits.STORE_THREADS)


def s3_settings(s3: S3) -> S3Settings:
    """What `[storage.s3]` says to the store."""
    from storage_backends.s3.settings import S3Settings

    return S3Settings(
        bucket=str(s3.bucket),
        prefix=str(s3.prefix),
        endpoint=_text(s3.endpoint),
        region=_text(s3.region),
        access_key_id=_text(s3.access_key_id),
        secret_access_key=_text(s3.secret_access_key),
        addressing_style=s3.addressing_style,
        ca_bundle=_text(s3.ca_bundle),
        server_side_encryption=None if s3.server_side_encryption == "none" else s3.server_side_encryption,
        kms_key_id=_text(s3.kms_key_id),
        storage_class=_text(s3.storage_class),
        checksum=s3.checksum,
        part_bytes=s3.part_bytes,
        buffer_bytes=s3.buffer_bytes,
        concurrency=s3.concurrency,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
