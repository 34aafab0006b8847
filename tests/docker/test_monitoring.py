"""Alert rules and dashboard: Prometheus takes them, and they ask for nothing that the registry does not tell."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.docker.build import ROOT
from tests.registry.app.processes import running
from tests.requirements import require_tool

MONITORING = ROOT / "docker" / "monitoring"
# What Prometheus itself makes: whether a target was reached, and the alerts.
PROMETHEUS_OWN = {"up", "ALERTS"}

_METRIC = re.compile(r"\b(?:up|ALERTS|(?:registry|moorage)_[a-z_]+)\b")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all series that a running registry may tell of."""
    with running(tmp_path_factory.mktemp("scraped") / "data", "server.workers=1") as registry:
        scraped = registry.ask("GET", "/metrics").body.decode()
    names = set()
    for family in text_string_to_metric_families(scraped):
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
        names |= {family.name + ending for ending in endings}
    return names


@pytest.mark.tool("promtool")
def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", "alerts.yaml")


@pytest.mark.tool("promtool")
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", "alerts.test.yaml")

    tried = (MONITORING / "alerts.test.yaml").read_text()
    assert [name for name in alerts() if name not in tried] == []


def test_the_rules_ask_only_for_what_the_registry_exports(exported: set[str]) -> None:
    wanted = set(_METRIC.findall((MONITORING / "alerts.yaml").read_text()))

    assert wanted
    assert wanted - exported == PROMETHEUS_OWN & wanted


def test_the_dashboard_asks_only_for_what_the_registry_exports(exported: set[str]) -> None:
    wanted = {name for expression in expressions() for name in _METRIC.findall(expression)}

    assert wanted
    assert wanted - exported == PROMETHEUS_OWN & wanted


def test_every_metric_is_on_the_dashboard(exported: set[str]) -> None:
    shown = " ".join(expressions())

    families = {re.sub("_(bucket|count|sum)$", "", name) for name in exported}
    assert {name for name in families if name not in shown} == set()


@pytest.mark.tool("promtool")
def test_prometheus_takes_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = tmp_path / "expressions.json"
    recorded = [
        {"record": f"panel:expression:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions())
    ]
    # JSON is YAML, too.
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))

    assert f"{len(recorded)} rules found" in promtool("check", "rules", str(rules))


def test_no_panel_hides_another() -> None:
    panels = dashboard()["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [
        (one["title"], other["title"])
        for one, other in combinations(panels, 2)
        if _overlap(one["gridPos"], other["gridPos"])
    ] == []


def test_each_alert_is_documented() -> None:
    text = (ROOT / "docs" / "observability.md").read_text()

    assert set(re.findall(r"^\| `(Moorage[A-Za-z]+)` \|", text, re.MULTILINE)) == set(alerts())


def alerts() -> list[str]:
    """The names of all alerts."""
    return re.findall(r"- alert: (\w+)", (MONITORING / "alerts.yaml").read_text())


def expressions() -> Iterator[str]:
    """All that the dashboard asks Prometheus."""
    document = dashboard()
    for panel in document["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (annotation["expr"] for annotation in document["annotations"]["list"])


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    document: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
    return document


def promtool(*arguments: str) -> str:
    """What promtool says to what it finds nothing wrong with."""
    run = subprocess.run(
        [require_tool("promtool"), *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not above
