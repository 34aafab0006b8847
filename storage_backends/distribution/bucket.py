"""A distribution registry's data in a bucket of S3, as its `storage.s3` driver keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from storage_backends.distribution.contract import Tree
from storage_backends.errors import SourceUnreadable, StorageError
from storage_backends.s3._blocking.client import open_client
from storage_backends.s3._blocking.objects import Objects
from storage_backends.s3.faults import is_absent
from storage_backends.s3.reading import open_reader
from storage_backends.s3.settings import S3Settings
from storage_backends.threads import BlockingPool

_THREADS = 16


@asynccontextmanager
async def open_bucket(bucket: str, prefix: str, endpoint: str | None) -> AsyncIterator[Tree]:
    """The objects whose names begin with `prefix` and a slash, until the block ends.

    Who may read them is left to boto3: its environment variables, profiles, roles and web identities. Without an
    `endpoint` they are Amazon's; servers at another one are asked with the bucket in the path.
    """
    style = "auto" if endpoint is None else "path"
    settings = S3Settings(bucket, endpoint=endpoint, addressing_style=style, concurrency=_THREADS)
    pool = BlockingPool(_THREADS, "distribution")
    # Its library reads files when it is first used.
    client = await pool.run(open_client, settings)
    try:
        yield BucketTree(Objects(client, settings), pool, f"{prefix.strip('/')}/".lstrip("/"))
    finally:
        await pool.close()
        client.close()


class BucketTree(Tree):
    """The objects below a prefix, which is empty or ends with a slash."""

    def __init__(self, objects: Objects, pool: BlockingPool, prefix: str) -> None:
        self._objects = objects
        self._pool = pool
        self._prefix = prefix

    async def names(self, path: str) -> list[str]:
        with _read_at(path):
            return await self._pool.run(self._objects.names_below, f"{self._prefix}{path}/")

    async def content(self, path: str, limit: int) -> bytes | None:
        with _read_at(path):
            return await self._pool.run(self._beginning, self._prefix + path, limit)

    async def size(self, path: str) -> int | None:
        with _read_at(path):
            return await self._pool.run(self._size, self._prefix + path)

    async def chunks(self, path: str) -> AsyncIterator[bytes]:
        with _read_at(path):
            reader = await open_reader(self._objects, self._pool, path, self._prefix + path)
        async with reader:
            with _read_at(path):
                async for block in reader.chunks(0, reader.size):
                    yield block

    def _beginning(self, name: str, limit: int) -> bytes | None:
        try:
            body = self._objects.open(name).body
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        try:
            content: bytes = body.read(limit)
            return content
        finally:
            body.close()

    def _size(self, name: str) -> int | None:
        try:
            return self._objects.size(name)
        except ClientError as error:
            if is_absent(error):
                return None
            raise


@contextmanager
def _read_at(path: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, OSError, StorageError) as error:
        raise SourceUnreadable(path, error) from error
