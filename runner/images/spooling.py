"""What comes from elsewhere than a registry, on this disk for as long as it is needed: files without a name.

They lie in the store's own file system, and are gone with the process, however it ends.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from oci_spec.digest import Digest
from runner.layers.blocks import ByteSource
from runner.layers.stream import LayerStream
from runner.store.folders import Store

_BLOCK_BYTES = 1024 * 1024
_LEVEL = 1
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class SpooledLayer:
    """A compressed layer in a file: the digest and size of its blob, and what comes out of it."""

    file: BinaryIO
    digest: Digest
    size: int
    diff_id: Digest


@contextmanager
def unnamed_file(store: Store) -> Iterator[BinaryIO]:
    """An empty file, to be written and read."""
    descriptor = os.open(store.root, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        yield file


def spool(source: ByteSource, file: BinaryIO) -> None:
    """Write all of a stream, uncompressed if it was compressed, into a file; its place is its beginning again.

    Raises:
        LayerError: the stream is damaged, or more comes out of it than may.
    """
    stream = LayerStream(source)
    while block := stream.read(_BLOCK_BYTES):
        file.write(block)
    file.seek(0)


def compress(source: ByteSource, file: BinaryIO) -> SpooledLayer:
    """Write a layer into a file as gzip: as registries and other clients expect it.

    Raises:
        LayerError: the stream is damaged, or more comes out of it than may.
    """
    stream, running = LayerStream(source), hashlib.sha256()
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP_WINDOW)
    while block := stream.read(_BLOCK_BYTES):
        _write(file, running, compressor.compress(block))
    _write(file, running, compressor.flush())
    return SpooledLayer(file, Digest("sha256", running.digest()), file.tell(), stream.diff_id())


def copy(source: BinaryIO, file: BinaryIO) -> None:
    """Write all of a stream as it is into a file; its place is its beginning again."""
    shutil.copyfileobj(source, file, _BLOCK_BYTES)
    file.seek(0)


def _write(file: BinaryIO, running: hashlib._Hash, content: bytes) -> None:
    running.update(content)
    file.write(content)
