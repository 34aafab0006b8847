"""The keys of `[storage.s3]`."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from registry import limits as bounds
from registry.config.takes_effect import RELOAD, RESTART
from registry.config.values import ExternalUrl, KeyPrefix, Network, PlainText, SecretText


class S3(Struct, frozen=True, kw_only=True):
    """The backend `s3`: a bucket of Amazon S3, or of a server that speaks like it."""

    bucket: Annotated[PlainText | None, RESTART, Meta(description="The bucket, which exists already.")] = None
    prefix: Annotated[
        KeyPrefix,
        RESTART,
        Meta(description="What all object names begin with, as in `registry/`, where the bucket holds other things."),
    ] = KeyPrefix("")
    endpoint: Annotated[
        ExternalUrl | None, RESTART, Meta(description="Where the server is; not set, Amazon's of the region.")
    ] = None
    region: Annotated[
        PlainText | None,
        RESTART,
        Meta(description="The bucket's region; not set, what boto3 finds in its environment, else `us-east-1`."),
    ] = None
    access_key_id: Annotated[
        PlainText | None,
        RESTART,
        Meta(
            description="The access key; not set, boto3 looks where it always does: environment, profile, web "
            "identity, and the role of the container or the machine."
        ),
    ] = None
    secret_access_key: Annotated[
        SecretText | None,
        RESTART,
        Meta(description="The secret that belongs to `access_key_id`.", extra={"secret": True}),
    ] = None
    addressing_style: Annotated[
        Literal["auto", "path", "virtual"],
        RESTART,
        Meta(description="Whether the bucket stands in a URL's path or in its host; most own servers want `path`."),
    ] = "auto"
    ca_bundle: Annotated[
        Path | None,
        RESTART,
        Meta(description="PEM file of authorities for the server's certificate; not set, boto3's."),
    ] = None
    server_side_encryption: Annotated[
        Literal["none", "AES256", "aws:kms"],
        RESTART,
        Meta(description="How the server is asked to encrypt; with `none` it does what the bucket says."),
    ] = "none"
    kms_key_id: Annotated[
        PlainText | None,
        RESTART,
        Meta(description="The key of `aws:kms`; not set, the account's own for S3."),
    ] = None
    storage_class: Annotated[
        PlainText | None, RESTART, Meta(description="Storage class of all objects, as in `STANDARD_IA`.")
    ] = None
    checksum: Annotated[
        Literal["none", "crc32", "crc64nvme", "sha256"],
        RESTART,
        Meta(
            description="What is sent with each content for the server to check; the registry hashes all bytes itself "
            "in any case. `crc64nvme` needs the extra `s3-crt`."
        ),
    ] = "none"
    part_bytes: Annotated[
        int,
        RESTART,
        Meta(ge=5 * bounds.MIB, le=bounds.GIB, description="Size of the first thousand parts of a large blob."),
    ] = 16 * bounds.MIB
    buffer_bytes: Annotated[
        int,
        RESTART,
        Meta(
            ge=16 * bounds.MIB,
            le=64 * bounds.GIB,
            description="What all uploads of one worker together may hold in memory; who gets none of it waits.",
        ),
    ] = 128 * bounds.MIB
    redirect: Annotated[
        Literal["auto", "on", "off"],
        RESTART,
        Meta(
            description="Whether clients that pull a blob are led to S3 by a signed URL; with `auto` where they most "
            "likely reach it: at Amazon, or at an `https` endpoint whose name is none of a private network."
        ),
    ] = "auto"
    redirect_lifetime_s: Annotated[
        int, RESTART, Meta(ge=60, le=604_800, description="How long such a URL can be used.")
    ] = 1200
    proxied_networks: Annotated[
        tuple[Network, ...],
        RELOAD,
        Meta(description="Networks (CIDR) of clients that get blobs from the registry itself all the same."),
    ] = ()
    cdn_url: Annotated[
        ExternalUrl | None,
        RESTART,
        Meta(
            description="URL of a delivery network before the bucket, to which clients are led in the bucket's place; "
            "it passes path and query on."
        ),
    ] = None
    concurrency: Annotated[
        int,
        RESTART,
        Meta(ge=1, le=256, description="Requests of one worker that write to S3 at once, and as many that read."),
    ] = 16
