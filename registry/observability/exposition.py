"""Metrics as Prometheus reads them: its own text format, or OpenMetrics where `Accept` names it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from registry.observability.instruments import Family, Histogram
from registry.observability.page import MetricsPage

_PLAIN: Final[Callable[[Collector], bytes]] = exposition.generate_latest
_OPENMETRICS: Final[Callable[[Collector], bytes]] = openmetrics.generate_latest


@dataclass(frozen=True, slots=True)
class Exposition:
    """An answer to a scrape; `content_type` is complete, its parameters included."""

    content_type: str
    body: bytes


def render(page: MetricsPage, accept: str = "") -> Exposition:
    """What all processes counted, in the format that the `Accept` header asks for.

    Series of counters and histograms that never counted anything are left out.
    """
    registry = CollectorRegistry()
    registry.register(_PageCollector(page))
    if _wants_openmetrics(accept):
        return Exposition(openmetrics.CONTENT_TYPE_LATEST, _OPENMETRICS(registry))
    return Exposition(exposition.CONTENT_TYPE_PLAIN_0_0_4, _PLAIN(registry))


def _wants_openmetrics(accept: str) -> bool:
    # The library's own choice trusts the version in the header to be a number.
    return any(item.split(";")[0].strip().lower() == "application/openmetrics-text" for item in accept.split(","))


class _PageCollector(Collector):
    def __init__(self, page: MetricsPage) -> None:
        self._page = page

    def collect(self) -> Iterable[Metric]:
        for family in self._page.families:
            yield _metric(family, self._page.totals(family))


def _metric(family: Family, totals: Sequence[float]) -> Metric:
    if isinstance(family, Histogram):
        return _histogram(family, totals)
    if family.kind == "gauge":
        gauge = GaugeMetricFamily(family.name, family.help_text, labels=family.label_names)
        for labels, position in family.series():
            gauge.add_metric(labels, totals[position])
        return gauge
    counter = CounterMetricFamily(family.name.removesuffix("_total"), family.help_text, labels=family.label_names)
    for labels, position in family.series():
        if totals[position] or not labels:
            counter.add_metric(labels, totals[position])
    return counter


def _histogram(family: Histogram, totals: Sequence[float]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help_text, labels=family.label_names)
    for labels, position in family.series():
        *counts, total = totals[position : position + family.cells_per_series]
        if any(counts) or not labels:
            metric.add_metric(labels, list(_cumulated(family, counts)), sum_value=total)
    return metric


def _cumulated(family: Histogram, counts: Sequence[float]) -> Iterator[tuple[str, float]]:
    bounds = [*map(floatToGoString, family.buckets), "+Inf"]
    yield from zip(bounds, accumulate(counts), strict=True)
