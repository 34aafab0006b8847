"""The registry's metrics by name.

Names and labels are distribution's where their meaning fits, so that dashboards made for it go on working; all others
begin with `moorage_`. Durations are seconds and sizes are bytes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from registry.observability.instruments import Counter, Gauge, Histogram
from registry.observability.page import MetricsPage

if TYPE_CHECKING:
    from registry.observability.exposition import Exposition

_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
_CODES: Final = (
    *("200", "201", "202", "204", "206", "301", "302", "304", "307", "308"),
    *("400", "401", "403", "404", "405", "408", "409", "411", "413", "414", "415", "416", "417", "429", "431"),
    *("499", "500", "501", "502", "503", "504", "507"),
)
_STORAGE_ACTIONS: Final = (
    "append",
    "commit",
    "open",
    "stat",
    "delete",
    "put_object",
    "get_object",
    "delete_object",
    "probe",
)
_DATABASE_ACTIONS: Final = ("read", "write", "lookup", "ping")


class Metrics:
    """Every metric of one registry, shared by its processes.

    Made by the supervisor before it forks `workers` workers; each of them calls `attach` with its slot. `handlers` are
    the names of the routes, in distribution's spelling where it has the route.
    """

    def __init__(self, workers: int, *, handlers: Sequence[str]) -> None:
        self.http_requests = Counter(
            "registry_http_requests_total",
            "Requests that were answered.",
            {"handler": handlers, "code": _CODES, "method": _METHODS},
        )
        self.http_duration = Histogram(
            "registry_http_request_duration_seconds",
            "Time from a request's headers to the end of its answer.",
            {"handler": handlers, "method": _METHODS},
        )
        self.http_in_flight = Gauge(
            "registry_http_in_flight_requests", "Requests that are being answered.", {"handler": handlers}
        )
        self.http_received = Counter(
            "moorage_http_received_bytes_total", "Bytes of request bodies.", {"handler": handlers}
        )
        self.http_sent = Counter("moorage_http_sent_bytes_total", "Bytes of answers' bodies.", {"handler": handlers})
        self.uploads_in_flight = Gauge(
            "moorage_uploads_in_flight", "Requests that are writing to an upload session at this moment."
        )
        self.storage_duration = Histogram(
            "registry_storage_action_seconds",
            "Time that the blob store took.",
            {"driver": ("filesystem",), "action": _STORAGE_ACTIONS},
        )
        self.database_duration = Histogram(
            "moorage_database_action_seconds",
            "Time that the database took, with waiting for its turn.",
            {"database": ("sqlite", "postgresql"), "action": _DATABASE_ACTIONS},
        )
        self.worker_starts = Counter("moorage_worker_starts_total", "Worker processes started, replacements included.")
        self.access_log_dropped = Counter(
            "moorage_access_log_dropped_lines_total", "Access log lines lost because their reader was too slow."
        )
        self.audit_dropped = Counter(
            "moorage_audit_dropped_refusals_total", "Refusals that only a count in the audit log tells of."
        )
        self.page = MetricsPage(
            [value for value in vars(self).values() if isinstance(value, Counter | Gauge | Histogram)], workers
        )

    def attach(self, slot: int) -> None:
        """Count in worker `slot`'s cells from now on; called by the worker when it starts."""
        self.page.attach(slot)

    def release(self, slot: int) -> None:
        """Forget what was in flight in worker `slot`, which has ended; called by the supervisor."""
        self.page.release(slot)

    def render(self, accept: str = "") -> "Exposition":
        """What all processes counted, in the format that the `Accept` header asks for."""
        # Here, since its library brings along a whole server of its own, which a start would wait for.
        from registry.observability.exposition import render

        return render(self.page, accept)
