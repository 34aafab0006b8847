"""Where a distribution registry that is taken over keeps its data."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from storage_backends.distribution.contract import Tree

_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class DistributionSource:
    """A folder, or what begins with `prefix` in a bucket."""

    folder: Path | None = None
    bucket: str = ""
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the path of a folder, or `s3://bucket/prefix`, where the prefix may be missing.

        Raises:
            ValueError: it names no bucket.
        """
        if not text.startswith(_SCHEME):
            return cls(Path(text))
        bucket, _, prefix = text.removeprefix(_SCHEME).partition("/")
        if not bucket:
            raise ValueError("Expected a folder, or `s3://bucket/prefix`")
        return cls(None, bucket, prefix.strip("/"))

    def __str__(self) -> str:
        return str(self.folder) if self.folder is not None else f"{_SCHEME}{self.bucket}/{self.prefix}".rstrip("/")


def open_source(source: DistributionSource, endpoint: str | None) -> AbstractAsyncContextManager[Tree]:
    """The files of `source`, until the block ends; `endpoint` is that of the S3 server, None for Amazon's."""
    if source.folder is not None:
        from storage_backends.distribution.folder import open_folder

        return open_folder(source.folder)
    # Its library takes a while to import.
    from storage_backends.distribution.bucket import open_bucket

    return open_bucket(source.bucket, source.prefix, endpoint)
