"""A process that unpacks layers, one after the other, while their bytes still arrive.

It speaks with the process that started it by a socket that keeps messages apart, its standard input:

    job       {"digest", "diff_id"}, with a descriptor of the layer's directory and one of the blob's file
    arrived   a number: so many bytes of the file may be read
    ended     "end": no more will come
    answer    {"size", …} or {"error", "of_content"}

The file may grow while it is read. After an error, or when the other end is closed, this process ends: nobody wants the
layer any more. The descriptor of the directory carries its lock, so nobody else writes there as long as it lives.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
from contextlib import suppress

from oci_spec.digest import Digest
from runner.layers.ahead import ReadAhead
from runner.layers.errors import LayerError, LayerInvalid, LayerNotWritten
from runner.layers.extraction import unpack
from runner.layers.stream import LayerStream
from runner.layers.whiteouts import for_this_process

MESSAGE_BYTES = 64 * 1024
"""Largest message of either side."""

END = b"end"
"""What the unpacking process is told when the blob's file will not grow any more."""

_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def main() -> None:
    """Do what is asked for on the socket that is the standard input, until it is closed."""
    # Modes are those of the layer, whatever this machine's users hide from each other.
    os.umask(0)
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as connection:
        while True:
            message, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 2)
            if not message:
                return
            answer = _answer(connection, json.loads(message), descriptors)
            with suppress(ConnectionError):
                connection.send(json.dumps(answer).encode())
            if "error" in answer:
                # A thread may still read ahead, and would take what the next job is told.
                os._exit(1)


def _answer(connection: socket.socket, job: dict[str, str], descriptors: list[int]) -> dict[str, object]:
    layer, blob = descriptors
    try:
        return _unpacked(_Arriving(blob, connection), layer, Digest.parse(job["digest"]), Digest.parse(job["diff_id"]))
    except LayerError as error:
        return {"error": str(error), "of_content": not isinstance(error, LayerNotWritten)}
    except OSError as error:
        return {"error": str(error), "of_content": False}
    finally:
        os.close(layer)
        os.close(blob)


def _unpacked(source: _Arriving, layer: int, digest: Digest, diff_id: Digest) -> dict[str, object]:
    stream = LayerStream(source, algorithm=digest.algorithm)
    root = os.open("diff", _DIRECTORY_FLAGS, dir_fd=layer)
    try:
        done = unpack(ReadAhead(stream), root, for_this_process())
    finally:
        os.close(root)
    stream.verify(digest, diff_id)
    # What bears a layer's name must survive a power cut; a file system is synced quicker than each of its files.
    _sync_file_system(layer)
    return {"size": done.size, "dropped_xattrs": done.dropped_xattrs, "skipped_devices": done.skipped_devices}


class _Arriving:
    """The blob's file, of which as much is read as has arrived."""

    def __init__(self, descriptor: int, connection: socket.socket) -> None:
        self._descriptor = descriptor
        self._connection = connection
        self._position = 0
        self._arrived = 0
        self._ended = False

    def read(self, size: int, /) -> bytes:
        while self._position >= self._arrived:
            if self._ended:
                return b""
            self._wait()
        block = os.pread(self._descriptor, min(size, self._arrived - self._position), self._position)
        if not block:
            raise LayerInvalid("the blob's file is shorter than it was said to be")
        self._position += len(block)
        return block

    def _wait(self) -> None:
        message = self._connection.recv(MESSAGE_BYTES)
        if not message:
            raise SystemExit(1)
        if message == END:
            self._ended = True
        else:
            self._arrived = int(message)


def _sync_file_system(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


if __name__ == "__main__":
    main()
