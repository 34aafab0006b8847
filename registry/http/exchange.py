"""One request and what has become of it so far, and how that is recorded: in figures, and in the access log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from registry.auth.subject import Subject
from registry.http.arrival import Arrival
from registry.http.call import Environment
from registry.http.routing import Match
from registry.http.traffic import Traffic
from registry.observability.access_log import AccessEntry, AccessLog
from registry.observability.instruments import OTHER
from registry.observability.request_context import RequestContext

CLIENT_GONE: Final = 499
"""The code of a request whose client went away before it was answered."""


@dataclass(slots=True)
class Exchange:
    """One request on its way through the dispatcher; `effects` are those of `Call.each_time`."""

    request: web.Request
    context: RequestContext
    arrived_here: Arrival
    arrival: Arrival
    traffic: Traffic
    began: float = field(default_factory=time.perf_counter)
    match: Match | None = None
    subject: Subject | None = None
    response: web.StreamResponse | None = None
    code: int = CLIENT_GONE
    effects: list[Callable[[], None]] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The resource's name in metrics."""
        return self.match.route.label if self.match is not None else OTHER


class Recorder:
    """Counts each exchange and writes its line once it has ended."""

    def __init__(self, environment: Environment, access_log: AccessLog) -> None:
        self._environment = environment
        self._access_log = access_log

    def record(self, exchange: Exchange) -> AccessEntry:
        """Take the exchange, which has ended just now, and give its line; never blocks."""
        request, traffic = exchange.request, exchange.traffic
        duration_s = time.perf_counter() - exchange.began
        headers = request.headers
        address, scheme, host = exchange.arrival
        entry = AccessEntry(
            time=time.time() - duration_s,
            remote=address,
            scheme=scheme,
            host=host,
            method=request.method,
            target=request.raw_path,
            protocol=f"HTTP/{request.version.major}.{request.version.minor}",
            code=exchange.code,
            duration_s=duration_s,
            received=traffic.received,
            sent=traffic.sent,
            handler=exchange.label,
            subject=str(exchange.subject or ""),
            request_id=exchange.context.request_id,
            trace_id=exchange.context.trace_id or "",
            referer=headers.get("Referer", ""),
            agent=headers.get("User-Agent", ""),
        )
        self.note(entry)
        return entry

    def note(self, entry: AccessEntry) -> None:
        """Count what `entry` tells of, and write it; never blocks, and keeps nothing of it."""
        metrics, label, method = self._environment.metrics, entry.handler, entry.method.lower()
        metrics.http_requests.inc(label, str(entry.code), method)
        metrics.http_duration.observe(entry.duration_s, label, method)
        if entry.received:
            metrics.http_received.inc(label, by=entry.received)
        if entry.sent:
            metrics.http_sent.inc(label, by=entry.sent)
        self._access_log.record(entry)
