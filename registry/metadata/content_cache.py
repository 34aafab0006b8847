"""Manifest bytes kept in the process: what a digest names never changes, so they need no invalidation."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oci_spec.digest import Digest


class ContentCache:
    """The most recently used contents, up to `max_bytes` of them in all."""

    __slots__ = ("_bytes", "_contents", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        """Begin empty."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._contents: OrderedDict[Digest, bytes] = OrderedDict()

    def get(self, digest: Digest) -> bytes | None:
        """Give the content of `digest` if it is still kept."""
        content = self._contents.get(digest)
        if content is not None:
            self._contents.move_to_end(digest)
        return content

    def put(self, digest: Digest, content: bytes) -> None:
        """Keep `content`, in the place of what was not used for longest."""
        if digest in self._contents or len(content) > self._max_bytes:
            return
        self._contents[digest] = content
        self._bytes += len(content)
        while self._bytes > self._max_bytes:
            _, oldest = self._contents.popitem(last=False)
            self._bytes -= len(oldest)
