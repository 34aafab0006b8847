"""Rules of `[storage.s3]` that concern more than one key, or the world outside the configuration."""

import os
from collections.abc import Iterator
from importlib.util import find_spec

from registry.config.schema import Config


def problems_of_storage(config: Config) -> Iterator[tuple[str, str]]:
    """What is wrong with the backend `s3`, where it is the one in use: keys and reasons."""
    if config.storage.backend != "s3":
        return
    s3 = config.storage.s3
    if s3.bucket is None:
        yield "storage.s3.bucket", 'is missing beside `storage.backend = "s3"`'
    if s3.access_key_id is not None and s3.secret_access_key is None:
        yield "storage.s3.secret_access_key", "is missing beside `storage.s3.access_key_id`"
    if s3.access_key_id is None and s3.secret_access_key is not None:
        yield "storage.s3.access_key_id", "is missing beside `storage.s3.secret_access_key`"
    if s3.ca_bundle is not None and not os.access(s3.ca_bundle, os.R_OK):
        yield "storage.s3.ca_bundle", f"{s3.ca_bundle} cannot be read"
    if s3.kms_key_id is not None and s3.server_side_encryption != "aws:kms":
        yield "storage.s3.kms_key_id", 'needs `storage.s3.server_side_encryption = "aws:kms"`'
    if s3.checksum == "crc64nvme" and find_spec("awscrt") is None:
        yield "storage.s3.checksum", "`crc64nvme` needs the package `awscrt`, of the extra `s3-crt`"
    if s3.buffer_bytes < s3.part_bytes:
        yield "storage.s3.buffer_bytes", "is less than `storage.s3.part_bytes`, of which one at least has to fit"
