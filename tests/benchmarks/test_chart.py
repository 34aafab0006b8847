import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.chart import curve_chart, ratio_chart
from benchmarks.curve import CurvePoint
from benchmarks.servers import DISTRIBUTION
from tests.benchmarks.figures import request_result

SVG = "{http://www.w3.org/2000/svg}"


def test_every_compared_workload_has_a_bar_with_its_ratio() -> None:
    results = [request_result("fast & small", 400, 100), request_result("slow", 50, 100)]

    root = ElementTree.fromstring(ratio_chart(results, DISTRIBUTION))

    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"fast & small", "4.00", "slow", "0.50"} <= set(texts)
    assert len(_bars(root)) == 2


def test_bars_go_to_the_right_of_equal_speed_when_faster_and_to_its_left_when_slower() -> None:
    results = [request_result("fast", 400, 100), request_result("slow", 25, 100)]

    fast, slow = _bars(ElementTree.fromstring(ratio_chart(results, DISTRIBUTION)))

    # On a logarithmic scale four times as fast is as long as four times as slow.
    assert float(fast.attrib["width"]) == pytest.approx(float(slow.attrib["width"]), abs=0.2)
    assert float(slow.attrib["x"]) + float(slow.attrib["width"]) == pytest.approx(float(fast.attrib["x"]), abs=0.2)


def test_a_workload_without_a_ratio_has_no_bar() -> None:
    alone = request_result("alone", 400, 100)
    del alone.samples[DISTRIBUTION]

    root = ElementTree.fromstring(ratio_chart([alone], DISTRIBUTION))

    assert _bars(root) == []


def test_a_flat_curve_is_a_level_line() -> None:
    flat = [CurvePoint("catalog", rows, 0.002, 0.003) for rows in (1_000, 100_000, 1_000_000)]
    steep = [CurvePoint("tags", 1_000, 0.001, 0.002), CurvePoint("tags", 1_000_000, 0.1, 0.2)]

    root = ElementTree.fromstring(curve_chart([*flat, *steep]))

    level, rising = ([_point(pair) for pair in line.attrib["points"].split()] for line in root.iter(f"{SVG}polyline"))
    assert len({y for _, y in level}) == 1
    assert rising[1][0] > rising[0][0]
    assert rising[1][1] < rising[0][1]  # SVG counts downwards


def test_every_line_has_a_colour_of_its_own() -> None:
    points = [CurvePoint(str(name), rows, 0.001, 0.002) for name in range(9) for rows in (1_000, 1_000_000)]

    root = ElementTree.fromstring(curve_chart(points))

    assert len({line.attrib["stroke"] for line in root.iter(f"{SVG}polyline")}) == 9


def _bars(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [bar for bar in root.iter(f"{SVG}rect") if bar.attrib["fill"] != "#ffffff"]


def _point(pair: str) -> tuple[float, float]:
    x, y = pair.split(",")
    return float(x), float(y)
