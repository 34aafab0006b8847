"""Answers that were given at once, given again to who asks the very same while nothing has changed.

A cluster that starts an image, or programs that look every second whether a tag has moved, send the same request over
and over. To find the answer again costs about as much as all the rest of the request, so it is kept for as long as it
is certain that it would come out the same: until anything is changed in the database, whoever changes it
(`registry.metadata.recollection`), or the configuration is, and until the second of its `Date` is over. By then
everything is looked at anew that ends by itself: a token, whose time is told in whole seconds, never outlasts it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from aiohttp.http import RawRequestMessage
from multidict import CIMultiDictProxy

from registry.http.arrival import Arrival, traced_back
from registry.http.call import Environment
from registry.http.exchange import Exchange, Recorder
from registry.metadata.recollection import UNKNOWN
from registry.observability.access_log import AccessEntry
from registry.observability.request_context import new_request_id

# What a worker remembers at most, with what else is kept of each request.
_MOST_BYTES: Final = 4 * 1024 * 1024
_BESIDE_ANSWER_BYTES: Final = 4 * 1024
# Requests that bear one of these are told apart by it: the same does not come again.
_TELLING_APART: Final = ("X-Request-ID", "traceparent")


@dataclass(slots=True)
class _Remembered:
    """An answer, in two pieces around the id of its request, and what is noted when it is given."""

    before: bytes
    after: bytes
    headers: CIMultiDictProxy[str]
    here: Arrival
    entry: AccessEntry
    effects: list[Callable[[], None]]


class RememberedAnswers:
    """The answers of this second, by all that their requests said."""

    def __init__(self, environment: Environment, recorder: Recorder) -> None:
        """Begin without any."""
        self._environment = environment
        self._recorder = recorder
        self._held = environment.services.database.lookups.conclusions()
        self._config = environment.config
        self._second = 0
        self._bytes = 0

    def give(self, message: RawRequestMessage, address: str) -> bytes | None:
        """The whole answer to a request from `address` without a body, noted as given; None where it is not known."""
        began, now = time.perf_counter(), time.time()
        if int(now) != self._second or self._environment.config is not self._config:
            self._forget(int(now))
        remembered = self._held.recall(_question(message))
        if remembered is UNKNOWN:
            return None
        assert isinstance(remembered, _Remembered), "nothing else is kept"
        for effect in remembered.effects:
            effect()
        entry, here = remembered.entry, remembered.here
        arrived = Arrival(address, here.scheme, here.host)
        trusted = self._config.server.trusted_proxies
        entry.remote, entry.scheme, entry.host = traced_back(arrived, remembered.headers, trusted)
        entry.request_id = request_id = new_request_id()
        entry.time, entry.duration_s = now, time.perf_counter() - began
        self._recorder.note(entry)
        return b"".join((remembered.before, request_id.encode(), remembered.after))

    def keep(self, message: RawRequestMessage, exchange: Exchange, entry: AccessEntry, answer: bytes) -> None:
        """Remember the `answer` to the request that `give` was asked for last, if it may be given again."""
        request = exchange.request
        if exchange.code != 200 or any(name in request.headers for name in _TELLING_APART):
            return
        if not self._environment.authentication.proves_the_same_again(request):
            return
        if int(time.time()) != self._second:
            # What ends by itself may have ended just now.
            return
        self._bytes += len(answer) + _BESIDE_ANSWER_BYTES
        if self._bytes > _MOST_BYTES:
            self._forget(self._second)
            return
        before, _, after = answer.partition(exchange.context.request_id.encode())
        here = exchange.arrived_here
        remembered = _Remembered(before, after, request.headers, here, entry, exchange.effects)
        self._held.keep(_question(message), remembered)

    def _forget(self, second: int) -> None:
        self._held.forget()
        self._config, self._second, self._bytes = self._environment.config, second, 0


def _question(message: RawRequestMessage) -> Hashable:
    return message.method, message.path, message.raw_headers
