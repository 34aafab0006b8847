"""URLs under which clients read blobs from S3 itself: signed for a while, and given again for half of it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from storage_backends.s3._blocking.objects import Objects
from storage_backends.s3.faults import translated
from storage_backends.threads import BlockingPool

_KEPT = 4096


class Redirects:
    """The URLs of a store's objects, each good for `lifetime_s`, and for half of that at least when it is given.

    The same URL for the same blob is what lets a client, or a network before the bucket, find it in its cache. With
    `base_url`, that of such a network, it takes the place of the bucket's own scheme, host and port.
    """

    def __init__(
        self,
        objects: Objects,
        pool: BlockingPool,
        lifetime_s: int,
        *,
        base_url: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects = objects
        self._pool = pool
        self._lifetime_s = lifetime_s
        self._base_url = base_url
        self._clock = clock
        self._made: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def url(self, name: str) -> str:
        """The URL of the object `name`, which need not be there."""
        kept = self._made.get(name)
        if kept is not None and self._clock() < kept[1]:
            return kept[0]
        until = self._clock() + self._lifetime_s / 2
        with translated():
            # In a thread: credentials of a role are asked for anew when they have run out.
            url = self._from_base(await self._pool.run(self._objects.url, name, self._lifetime_s))
        self._made[name] = url, until
        self._made.move_to_end(name)
        if len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return url

    def _from_base(self, url: str) -> str:
        if self._base_url is None:
            return url
        parts = urlsplit(url)
        return f"{self._base_url}{parts.path}?{parts.query}"
