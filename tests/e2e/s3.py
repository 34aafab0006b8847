"""A registry whose bytes are in S3."""

from __future__ import annotations

from tests.s3 import S3Server


def s3_environment(server: S3Server, prefix: str) -> dict[str, str]:
    """The variables by which a registry keeps its blobs below `prefix` in the server's bucket."""
    s3 = {
        "BUCKET": server.bucket,
        "PREFIX": prefix,
        "ENDPOINT": server.endpoint,
        "ACCESS_KEY_ID": server.access_key_id,
        "SECRET_ACCESS_KEY": server.secret_access_key,
        "ADDRESSING_STYLE": "path",
    }
    return {"REGISTRY_STORAGE__BACKEND": "s3"} | {f"REGISTRY_STORAGE__S3__{name}": value for name, value in s3.items()}
