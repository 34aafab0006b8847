"""The connection to S3: boto3's client, set up for large contents and for servers other than Amazon's."""

from __future__ import annotations

import functools
from typing import Any, Protocol

import boto3
from botocore.auth import AUTH_TYPE_MAPS, S3SigV4Auth
from botocore.config import Config

from storage_backends.s3.settings import S3Settings

READ_S = 60
"""How long S3 may send nothing of an answer, in seconds."""

_CONNECT_S = 5
# Kept for the next request. As many more as there are downloads come and go, each of which would be warned about.
_RESTING_CONNECTIONS = 256
# With what boto3 waits in between (a random part of 1, 2, 4, … seconds) a server may be away for a quarter of a minute.
_ATTEMPTS = 6

# Where Amazon's C runtime is installed (the extra `s3-crt`), boto3 signs by it, and copies every body to do so: each
# part on its way would be in memory twice. Its own signer leaves the body alone.
AUTH_TYPE_MAPS["s3v4"] = S3SigV4Auth


class S3Client(Protocol):
    """What is used of boto3's client, which has no types of its own."""

    def put_object(self, **parameters: Any) -> dict[str, Any]: ...
    def get_object(self, **parameters: Any) -> dict[str, Any]: ...
    def head_object(self, **parameters: Any) -> dict[str, Any]: ...
    def delete_object(self, **parameters: Any) -> dict[str, Any]: ...
    def list_objects_v2(self, **parameters: Any) -> dict[str, Any]: ...
    def create_multipart_upload(self, **parameters: Any) -> dict[str, Any]: ...
    def upload_part(self, **parameters: Any) -> dict[str, Any]: ...
    def upload_part_copy(self, **parameters: Any) -> dict[str, Any]: ...
    def complete_multipart_upload(self, **parameters: Any) -> dict[str, Any]: ...
    def abort_multipart_upload(self, **parameters: Any) -> dict[str, Any]: ...
    def list_multipart_uploads(self, **parameters: Any) -> dict[str, Any]: ...
    def list_parts(self, **parameters: Any) -> dict[str, Any]: ...
    def generate_presigned_url(self, operation: str, **parameters: Any) -> str: ...
    def close(self) -> None: ...


def open_client(settings: S3Settings) -> S3Client:
    """A client that many threads may use at once; nothing is asked of S3 yet."""
    session = _session()
    client: S3Client = session.client(
        "s3",
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        endpoint_url=settings.endpoint,
        verify=settings.ca_bundle,
        # Servers of one's own mostly take any region, but a request has to name one to be signed.
        region_name=settings.region or session.region_name or "us-east-1",
        config=Config(
            signature_version="s3v4",
            connect_timeout=_CONNECT_S,
            read_timeout=READ_S,
            max_pool_connections=_RESTING_CONNECTIONS,
            retries={"mode": "standard", "max_attempts": _ATTEMPTS},
            # A checksum that nobody asked for costs a third more time, and older servers refuse its trailers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # The content is hashed by the registry itself; to hash it once more for the signature doubles the work.
            s3={"addressing_style": settings.addressing_style, "payload_signing_enabled": False},
        ),
    )
    return client


@functools.cache
def _session() -> boto3.session.Session:
    """The one session of this process: to read the service's description takes twenty times as long as the rest."""
    return boto3.session.Session()
