"""The body of an answer of S3's as bytes of a socket, for whom they need not be in this process.

This leans on what botocore and urllib3 keep to themselves: the stream in a `StreamingBody`, and the answer in that.
"""

from __future__ import annotations

import io
import os
from typing import Any

from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse


class BodyBroken(Exception):
    """A body broke off, or has fewer bytes than its headers said."""


class PlainBody:
    """What is still to come of a body, `size` bytes: those that came with the headers, and the others by a socket.

    `descriptor` is the socket's, which does not block.
    """

    def __init__(self, stream: HTTPResponse, size: int) -> None:
        self._stream = stream
        self.size = size
        self.descriptor = stream.fileno()

    def begun(self) -> bytes:
        """What is in this process already, to be asked once, when the socket is readable.

        Raises:
            BodyBroken: nothing is, and the socket is at its end.
        """
        try:
            # It reads from the socket once at most, and only where the stream's own buffer is empty.
            begun = self._stream.read1(io.DEFAULT_BUFFER_SIZE)
        except HTTPError as error:
            raise BodyBroken from error
        if not begun:
            raise BodyBroken
        return begun

    def end(self) -> None:
        """Let the connection be used again: all bytes were taken."""
        answer: Any = self._stream._original_response
        answer.close()
        self._stream.release_conn()


def plain(body: Any, least: int) -> PlainBody | None:
    """What is left of `body`, at least so many bytes; None where they are fewer, or encrypted on their way.

    `least` is more than can have come with the headers.
    """
    stream: HTTPResponse = body._raw_stream
    # Without a length, only the end of what comes in chunks tells whether it was all.
    size = stream.length_remaining or 0
    if size < least or isinstance(stream.connection, HTTPSConnection) or os.get_blocking(stream.fileno()):
        return None
    return PlainBody(stream, size)
