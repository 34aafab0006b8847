"""How much a registry asks of S3 for what is pushed to it: requests, bytes sent, bytes copied by the server."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from benchmarks.s3.forwarding import Forwarder, forwarding
from benchmarks.s3.store import Store

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class Asked:
    """What S3 was asked: so many requests of each method, bodies of so many bytes, and to copy so many."""

    requests: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    copied: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, method: str, sent: int, copied: int) -> None:
        """Count one request."""
        with self._lock:
            self.requests[method] += 1
            self.sent += sent
            self.copied += copied

    def clear(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self.requests.clear()
            self.sent = self.copied = 0

    def copy(self) -> Asked:
        """What was counted so far."""
        with self._lock:
            return Asked(Counter(self.requests), self.sent, self.copied)


@contextmanager
def counting(store: Store) -> Iterator[tuple[str, Asked]]:
    """The address of a proxy before `store`, and what comes by it until the block ends."""
    asked = Asked()
    host, _, port = store.address.rpartition(":")

    class Handler(Forwarder):
        upstream = host, int(port)

        def forward(self, body: bytes) -> None:
            source = self.headers.get("x-amz-copy-source")
            copied = _copied(store, source, self.headers.get("x-amz-copy-source-range")) if source else 0
            asked.note(self.command, len(body), copied)
            super().forward(body)

    with forwarding(Handler) as address:
        yield address, asked


def _copied(store: Store, source: str, part: str | None) -> int:
    if part is not None and (match := _RANGE.fullmatch(part)):
        return int(match[2]) - int(match[1]) + 1
    return (store.directory.parent / unquote(source).lstrip("/")).stat().st_size
