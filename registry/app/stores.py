"""The blob store that the configuration names."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from registry import limits

if TYPE_CHECKING:
    from registry.config.s3_schema import S3
    from registry.config.schema import Storage
    from storage_backends.contract import BlobStore
    from storage_backends.holding import UploadHolds
    from storage_backends.s3.settings import S3Settings

_PRIVATE_NAMES: Final = (".internal", ".local", ".localhost", ".lan", ".home.arpa")


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


def preload(storage: Storage) -> None:
    """Load what `open_store` needs, in a process that forks those that open it: they share the memory that it takes."""
    if storage.backend == "s3":
        from storage_backends.s3.store import preload

        preload()


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
        redirect_lifetime_s=s3.redirect_lifetime_s if _redirects(s3) else None,
        cdn_url=_text(s3.cdn_url),
    )


def _redirects(s3: S3) -> bool:
    """Whether clients are led to S3 itself."""
    if s3.redirect != "auto":
        return s3.redirect == "on"
    if s3.cdn_url is not None or s3.endpoint is None:
        return True
    return s3.endpoint.scheme == "https" and not _is_private(s3.endpoint.host)


def _is_private(host: str) -> bool:
    """Whether a name or address is most likely known inside one network only."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
