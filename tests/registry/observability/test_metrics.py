"""Metrics are summed over all processes, never go back, and stay bounded."""

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from registry.observability.instruments import OTHER, Counter, Gauge, Histogram
from registry.observability.metrics import Metrics
from registry.observability.page import MetricsPage

openmetrics_families: Callable[[str], Iterable[Metric]] = openmetrics.text_string_to_metric_families

# Newer Pythons warn of threads that a forked process does not have; these processes use none.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def in_a_worker(work: Callable[[], None]) -> None:
    """Run `work` in a forked process, which then dies without any cleaning up."""
    pid = os.fork()
    if pid == 0:
        work()
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(metrics.render().body.decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def test_counts_of_all_workers_are_summed() -> None:
    metrics = Metrics(2, handlers=["blob"])

    for slot in range(2):

        def work(slot: int = slot) -> None:
            metrics.attach(slot)
            metrics.http_requests.inc("blob", "200", "get", by=slot + 1)

        in_a_worker(work)
    metrics.worker_starts.inc(by=2)

    assert value(metrics, "registry_http_requests_total", handler="blob", code="200", method="get") == 3
    assert value(metrics, "moorage_worker_starts_total") == 2


def test_counters_do_not_go_back_when_a_worker_is_replaced_and_its_gauges_begin_at_zero() -> None:
    metrics = Metrics(1, handlers=["blob"])

    def work() -> None:
        metrics.attach(0)
        metrics.http_sent.inc("blob", by=10)
        metrics.uploads_in_flight.inc()

    in_a_worker(work)
    assert value(metrics, "moorage_uploads_in_flight") == 1
    in_a_worker(work)

    assert value(metrics, "moorage_http_sent_bytes_total", handler="blob") == 20
    assert value(metrics, "moorage_uploads_in_flight") == 1


def test_releasing_the_slot_of_a_dead_worker_forgets_only_its_gauges() -> None:
    metrics = Metrics(2, handlers=["blob"])
    for slot in range(2):
        metrics.attach(slot)
        metrics.uploads_in_flight.inc()
        metrics.http_sent.inc("blob")

    metrics.release(0)

    assert value(metrics, "moorage_uploads_in_flight") == 1
    assert value(metrics, "moorage_http_sent_bytes_total", handler="blob") == 2


def test_a_histogram_counts_each_value_under_every_bound_that_holds_it() -> None:
    histogram = Histogram("x_seconds", "X.", {"a": ["b"]}, buckets=(1.0, 2.0))
    page = MetricsPage([histogram], workers=1)

    for seconds in (0.5, 1.0, 1.5, 99.0):
        histogram.observe(seconds, "b")

    assert page.totals(histogram)[:4] == [2, 1, 1, 102]


def test_both_formats_are_what_their_parsers_read() -> None:
    metrics = Metrics(1, handlers=["blob"])
    metrics.http_requests.inc("blob", "200", "get")
    metrics.http_duration.observe(0.1, "blob", "get")

    plain = metrics.render("text/plain;version=0.0.4")
    modern = metrics.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")

    assert plain.content_type.startswith("text/plain; version=0.0.4")
    assert modern.content_type.startswith("application/openmetrics-text; version=1.0.0")
    for families in (
        list(text_string_to_metric_families(plain.body.decode())),
        list(openmetrics_families(modern.body.decode())),
    ):
        found = {sample.name: sample.value for family in families for sample in family.samples}
        assert found["registry_http_requests_total"] == 1
        assert found["registry_http_request_duration_seconds_count"] == 1
        assert found["registry_http_request_duration_seconds_sum"] == pytest.approx(0.1)


@pytest.mark.parametrize("accept", ["", "*/*", "application/openmetrics-text; version=abc", ";;,,", "text/html"])
def test_any_accept_header_gets_an_answer(accept: str) -> None:
    assert Metrics(1, handlers=[]).render(accept).body


def test_values_that_were_not_declared_count_as_other() -> None:
    metrics = Metrics(1, handlers=["blob"])
    cells = metrics.http_requests.cells

    for method in ("BREW", "get\n", "", "PROPFIND"):
        metrics.http_requests.inc("blob", "200", method)

    assert value(metrics, "registry_http_requests_total", handler="blob", code="200", method=OTHER) == 4
    assert metrics.http_requests.cells == cells


def test_a_family_without_a_page_or_with_other_labels_is_a_mistake() -> None:
    counter = Counter("x_total", "X.", {"a": ["b"]})

    with pytest.raises(RuntimeError):
        counter.inc("b")
    page = MetricsPage([counter], workers=1)
    with pytest.raises(ValueError, match="labels"):
        counter.inc("b", "c")
    with pytest.raises(ValueError, match="no worker"):
        page.attach(1)
    with pytest.raises(ValueError, match="same name"):
        MetricsPage([Gauge("x", "X."), Gauge("x", "X.")], workers=1)


def test_a_gauge_can_be_set_raised_and_lowered() -> None:
    gauge = Gauge("x", "X.")
    page = MetricsPage([gauge], workers=1)

    gauge.set(5)
    gauge.inc(by=2)
    gauge.dec()

    assert page.totals(gauge) == [6]


def test_names_follow_the_conventions() -> None:
    for family in Metrics(1, handlers=["blob"]).page.families:
        assert family.name.startswith(("registry_", "moorage_"))
        assert family.name.endswith("_total") == isinstance(family, Counter)
        assert family.name.endswith("_seconds") == isinstance(family, Histogram)
        assert family.help_text.endswith(".")


def test_every_metric_is_documented_with_its_labels() -> None:
    text = (Path(__file__).parents[3] / "docs" / "observability.md").read_text()

    for family in Metrics(1, handlers=["blob"]).page.families:
        labels = ", ".join(f"`{name}`" for name in family.label_names)
        assert f"| `{family.name}` | {family.kind} | {labels} | {family.help_text} |" in text


def test_every_series_has_cells_of_its_own_where_it_is_shown() -> None:
    counter = Counter("made_total", "What was made.", {"kind": ("a", "b"), "size": ("s", "m", "l")})
    page = MetricsPage([counter], 1)
    page.attach(0)

    for count, (series, _) in enumerate(counter.series(), start=1):
        counter.inc(*series, by=count)

    shown = [page.totals(counter)[position] for _, position in counter.series()]
    assert shown == list(range(1, 13))
