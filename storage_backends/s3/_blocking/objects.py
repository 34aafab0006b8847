"""Whole objects of a bucket: put, read, looked at, listed and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from storage_backends.s3._blocking.client import S3Client
from storage_backends.s3._blocking.collisions import past_collisions
from storage_backends.s3.faults import is_of_clock
from storage_backends.s3.settings import S3Settings


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it."""

    name: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a listing, and where to go on; None at the end."""

    entries: tuple[Listed, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """An object whose bytes can be read from `body`, from where was asked for; `size` is that of the whole object."""

    size: int
    tag: str
    body: Any


class Objects:
    """The objects of one bucket. All methods raise boto3's errors."""

    def __init__(self, client: S3Client, settings: S3Settings) -> None:
        self._client = client
        self._bucket = settings.bucket
        self._new = new_object_parameters(settings)
        self._checksum = checksum_parameters(settings)

    def put(self, name: str, content: bytes | bytearray) -> None:
        """Keep `content` under `name`, in place of what was there."""
        past_collisions(
            lambda: self._client.put_object(Bucket=self._bucket, Key=name, Body=content, **self._new, **self._checksum)
        )

    def get(self, name: str) -> bytes:
        """The whole content."""
        content: bytes = self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        return content

    def get_range(self, name: str, start: int, stop: int) -> bytes:
        """The bytes from `start` to `stop`, of which there is at least one."""
        part = self._client.get_object(Bucket=self._bucket, Key=name, Range=f"bytes={start}-{stop - 1}")
        content: bytes = part["Body"].read()
        return content

    def open(self, name: str) -> Opened:
        """The object from its first byte on; the caller closes the body."""
        answer = self._client.get_object(Bucket=self._bucket, Key=name)
        return Opened(answer["ContentLength"], answer["ETag"], answer["Body"])

    def open_range(self, name: str, start: int, stop: int, tag: str) -> Any:
        """The body of the bytes from `start` to `stop`, if the object is still the one with this tag."""
        return self._client.get_object(Bucket=self._bucket, Key=name, Range=f"bytes={start}-{stop - 1}", IfMatch=tag)[
            "Body"
        ]

    def url(self, name: str, lifetime_s: int) -> str:
        """A signed URL under which the object can be read for `lifetime_s` seconds."""
        where = {"Bucket": self._bucket, "Key": name}
        return self._client.generate_presigned_url("get_object", Params=where, ExpiresIn=lifetime_s)

    def size(self, name: str) -> int:
        """The size in bytes."""
        size: int = self._client.head_object(Bucket=self._bucket, Key=name)["ContentLength"]
        return size

    def delete(self, *names: str) -> None:
        """Remove what there is of these."""
        for name in names:
            self._client.delete_object(Bucket=self._bucket, Key=name)

    def page(self, prefix: str, after: str | None) -> Page:
        """Some objects whose names begin with `prefix`, in the order of their names, from where a page ended."""
        position = {} if after is None else {"ContinuationToken": after}
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **position)
        entries = tuple(
            Listed(entry["Key"], entry["Size"], entry["LastModified"]) for entry in answer.get("Contents", ())
        )
        return Page(entries, answer.get("NextContinuationToken") if answer["IsTruncated"] else None)

    def names_below(self, folder: str) -> list[str]:
        """What follows `folder`, which ends with a slash, in names: up to the next slash or the end, in order."""
        found: dict[str, None] = {}
        position: dict[str, str] = {}
        while True:
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=folder, Delimiter="/", **position)
            names = [entry["Prefix"] for entry in answer.get("CommonPrefixes", ())]
            names += [entry["Key"] for entry in answer.get("Contents", ())]
            found |= dict.fromkeys(name.removeprefix(folder).rstrip("/") for name in names)
            if not answer["IsTruncated"]:
                return sorted(filter(None, found))
            position = {"ContinuationToken": answer["NextContinuationToken"]}

    def clock(self, prefix: str) -> datetime | None:
        """The server's time (RFC 9110, "Date"), which it tells also where it takes this clock's for wrong."""
        try:
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)
        except ClientError as error:
            if not is_of_clock(error):
                raise
            answer = error.response
        told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return None if told is None else parsedate_to_datetime(told)

    def list(self, prefix: str) -> Iterator[Listed]:
        """All objects whose names begin with `prefix`, where they are few."""
        after: str | None = None
        while True:
            page = self.page(prefix, after)
            yield from page.entries
            if (after := page.next) is None:
                return


def new_object_parameters(settings: S3Settings) -> dict[str, str]:
    """What is said of every object when it is made."""
    parameters = {
        # What clients are told that are led to S3 itself.
        "ContentType": "application/octet-stream",
        "ServerSideEncryption": settings.server_side_encryption,
        "SSEKMSKeyId": settings.kms_key_id,
        "StorageClass": settings.storage_class,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def checksum_parameters(settings: S3Settings) -> dict[str, str]:
    """What is said with every content."""
    return {} if settings.checksum == "none" else {"ChecksumAlgorithm": settings.checksum.upper()}
