"""What S3 refuses, in the words of the storage contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError

from storage_backends.errors import StorageError, StorageFull, StorageReadOnly, StorageUnavailable

# Ceph says NoSuchKey of an upload that is gone; HEAD has no body to say anything in.
_ABSENT = {"NoSuchKey", "NoSuchUpload", "NotFound", "404"}
_FULL = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
# What another request to the same name, or beside it, was just doing. Where names are folders, the last object of one
# may go, and the folder with it, while a new one comes: versitygw then says the second, MinIO the third.
_COLLISION = {"OperationAborted", "ExistingObjectIsDirectory", "AccessDenied"}
_READ_ONLY = {"XMinioReadOnly", "ReadOnlyBucket"}


@contextmanager
def translated(absent: StorageError | None = None) -> Iterator[None]:
    """Let boto3's errors leave as the StorageError that they mean; `absent` is what a missing object means."""
    try:
        yield
    except ClientError as error:
        if absent is not None and is_absent(error):
            raise absent from error
        raise _meaning(error) from error
    except (BotoCoreError, OSError) as error:
        raise StorageUnavailable(error) from error


def is_absent(error: Exception) -> bool:
    """Whether S3 said that the object, or the multipart upload, is not there."""
    return isinstance(error, ClientError) and _code(error) in _ABSENT


def is_part_invalid(error: Exception) -> bool:
    """Whether S3 said that a part is not the one whose tag it was told."""
    return isinstance(error, ClientError) and _code(error) in {"InvalidPart", "InvalidPartOrder"}


def is_collision(error: ClientError) -> bool:
    """Whether S3 may have refused to make an object because of another request that was under way.

    The same may be asked again, a few times: what MinIO says then is what everybody says who allows it never.
    """
    return _code(error) in _COLLISION


def is_of_clock(error: ClientError) -> bool:
    """Whether S3 refused a request because it was signed at another time than it has."""
    return _code(error) == "RequestTimeTooSkewed"


def _meaning(error: ClientError) -> StorageError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if _code(error) in _FULL or status == HTTPStatus.INSUFFICIENT_STORAGE:
        return StorageFull(error)
    if _code(error) in _READ_ONLY:
        return StorageReadOnly(error)
    return StorageUnavailable(error)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
