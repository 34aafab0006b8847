"""What an S3 store has to be told."""

from __future__ import annotations

from dataclasses import dataclass, field

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Which bucket, how to reach it, and how to use it.

    All that is None is left to boto3: its environment variables, profiles, roles and web identities. `checksum` is sent
    with every content for the server to check: `none`, `crc32`, `crc64nvme` or `sha256`. `part_bytes` is the size of an
    upload's first parts; `buffer_bytes` are what all uploads of the process together may hold in memory; `concurrency`
    requests that write, and as many that read, are under way at once. An upload that waits for memory for longer than
    `patience_s` has others give way whose clients are slow. With `redirect_lifetime_s` clients may be led to S3 itself,
    or to a network before it whose URL is `cdn_url`.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    addressing_style: str = "auto"
    ca_bundle: str | None = None
    server_side_encryption: str | None = None
    kms_key_id: str | None = None
    storage_class: str | None = None
    checksum: str = "none"
    part_bytes: int = 16 * MIB
    buffer_bytes: int = 128 * MIB
    concurrency: int = 16
    patience_s: float = 2.0
    redirect_lifetime_s: int | None = None
    cdn_url: str | None = None
