"""Multipart uploads: begun, given parts, completed or aborted, and found again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from storage_backends.s3._blocking.client import S3Client
from storage_backends.s3._blocking.collisions import past_collisions
from storage_backends.s3._blocking.objects import checksum_parameters, new_object_parameters
from storage_backends.s3.faults import is_absent
from storage_backends.s3.progress import Part
from storage_backends.s3.settings import S3Settings

# A younger upload than this was begun when it was last written to, for all that anybody wants to know.
_YOUNG = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pending:
    """A multipart upload that is neither completed nor aborted, and when it was last given a part."""

    name: str
    upload_id: str
    touched_at: datetime


class Multiparts:
    """The multipart uploads of one bucket. All methods raise boto3's errors."""

    def __init__(self, client: S3Client, settings: S3Settings) -> None:
        self._client = client
        self._bucket = settings.bucket
        self._new = new_object_parameters(settings)
        self._checksum = checksum_parameters(settings)
        self._checksum_field = f"Checksum{settings.checksum.upper()}"

    def create(self, name: str) -> str:
        """Begin to make the object `name`; the id of the upload."""
        answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=name, **self._new, **self._checksum)
        upload_id: str = answer["UploadId"]
        return upload_id

    def put(self, name: str, upload_id: str, number: int, content: bytes | bytearray) -> Part:
        """Make `content` part `number`, in place of what that was."""
        answer = self._client.upload_part(
            Bucket=self._bucket, Key=name, UploadId=upload_id, PartNumber=number, Body=content, **self._checksum
        )
        return Part(len(content), answer["ETag"], answer.get(self._checksum_field))

    def copy(self, name: str, upload_id: str, number: int, *, source: str, start: int, stop: int) -> Part:
        """Make the bytes from `start` to `stop` of the object `source` part `number`; they do not leave the server."""
        answer = self._client.upload_part_copy(
            Bucket=self._bucket,
            Key=name,
            UploadId=upload_id,
            PartNumber=number,
            CopySource={"Bucket": self._bucket, "Key": source},
            CopySourceRange=f"bytes={start}-{stop - 1}",
        )["CopyPartResult"]
        return Part(stop - start, answer["ETag"], answer.get(self._checksum_field))

    def complete(self, name: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Make the object of its parts.

        MinIO forgets the parts where this met the end of the last object in the same folder: the upload is lost then,
        and the second try tells so, not the first.
        """
        numbered: list[dict[str, Any]] = [
            {"PartNumber": number, "ETag": part.tag} | self._checksum_of(part)
            for number, part in enumerate(parts, start=1)
        ]
        past_collisions(
            lambda: self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=name, UploadId=upload_id, MultipartUpload={"Parts": numbered}
            )
        )

    def abort(self, name: str, upload_id: str) -> None:
        """Forget the upload and its parts; one that is not there is left alone."""
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload_id)
        except ClientError as error:
            if not is_absent(error):
                raise

    def require(self, name: str, upload_id: str) -> None:
        """Ask whether the upload is there; an absent one raises what `faults.is_absent` knows."""
        self._client.list_parts(Bucket=self._bucket, Key=name, UploadId=upload_id, MaxParts=1)

    def pending(self, prefix: str, *, at: datetime | None = None) -> Iterator[Pending]:
        """All multipart uploads of objects whose names begin with `prefix`.

        They are asked for without a prefix: MinIO takes one for an object's whole name. When an upload was last given
        a part is looked up where it was begun long before `at`; with None it does not matter.
        """
        position: dict[str, str] = {}
        while True:
            answer = self._client.list_multipart_uploads(Bucket=self._bucket, **position)
            for entry in answer.get("Uploads", ()):
                if entry["Key"].startswith(prefix):
                    yield Pending(entry["Key"], entry["UploadId"], self._touched_at(entry, at))
            if not answer.get("IsTruncated"):
                return
            position = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}

    def _touched_at(self, entry: dict[str, Any], at: datetime | None) -> datetime:
        touched_at: datetime = entry.get("Initiated") or datetime.now(UTC)
        if at is None or at - touched_at < _YOUNG:
            return touched_at
        # It may have been completed since it was listed.
        with suppress(ClientError):
            touched_at = max([touched_at, *self._times(entry["Key"], entry["UploadId"])])
        return touched_at

    def _times(self, name: str, upload_id: str) -> Iterator[datetime]:
        position: dict[str, int] = {}
        while True:
            answer = self._client.list_parts(Bucket=self._bucket, Key=name, UploadId=upload_id, **position)
            for part in answer.get("Parts", ()):
                yield part["LastModified"]
            if not answer.get("IsTruncated"):
                return
            position = {"PartNumberMarker": answer["NextPartNumberMarker"]}

    def _checksum_of(self, part: Part) -> dict[str, str]:
        return {} if part.checksum is None else {self._checksum_field: part.checksum}
