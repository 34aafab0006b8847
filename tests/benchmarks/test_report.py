import json

from benchmarks.curve import CurvePoint
from benchmarks.measure import Sample, Work
from benchmarks.report import document, markdown
from benchmarks.results import Result
from benchmarks.servers import DISTRIBUTION, MOORAGE
from benchmarks.workloads.workload import Unit
from tests.benchmarks.figures import request_result, requests, transfer

MACHINE = {"cores": "2", "memory": "8 GiB"}


def test_a_row_tells_both_values_the_ratio_and_the_goal() -> None:
    result = request_result("manifest GET by tag, c=8", 6000, 1500, cpu_s=0.6)

    table = markdown([result], {}, [], MACHINE)

    [row] = [line for line in table.splitlines() if line.startswith("| manifest GET by tag")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "manifest GET by tag, c=8",
        "6,000 requests/s",
        "1,500 requests/s",
        "4.00",
        "0.25",
        "100 µs",
        "400 µs",
        "– / –",
        "speed ≥ 3 ✓",
    ]


def test_what_falls_short_is_said_below_the_table() -> None:
    result = request_result("blob HEAD, c=8", 2000, 1000)

    table = markdown([result], {}, [], MACHINE)

    assert "- below its goal: blob HEAD, c=8: 2.00, goal speed ≥ 2.5" in table


def test_every_peer_has_a_table_of_its_own_and_goals_stand_beside_distribution_only() -> None:
    result = request_result("blob HEAD, c=8", 2000, 1000)
    result.samples["zot"] = [requests(500, 1)]

    rows = [line for line in markdown([result], {}, [], MACHINE).splitlines() if line.startswith("| blob HEAD")]

    assert ["✗" in row for row in rows] == [True, False]
    assert "| 4.00 |" in rows[1]


def test_failures_and_what_was_not_measured_are_told() -> None:
    failed = Result("blob GET", Unit.BYTES, {MOORAGE: [transfer(1, 1)]}, {DISTRIBUTION: "the server answered 500"})

    table = markdown([failed], {"skopeo push": "skopeo is not installed"}, [], MACHINE)

    assert "- blob GET: distribution failed: the server answered 500" in table
    assert "- not measured: skopeo push (skopeo is not installed)" in table


def test_figures_of_a_busy_machine_are_called_rough() -> None:
    calm, rough = request_result("calm", 1, 1), request_result("rough", 1, 1)
    rough.samples[MOORAGE] = [Sample(Work(1, 0, 1), others=0.4)]

    table = markdown([calm, rough], {}, [], MACHINE)

    assert "- rough: rough: others used 40% of the machine" in table
    assert "- rough: calm" not in table


def test_the_curve_has_a_column_for_each_size() -> None:
    curve = [CurvePoint("catalog", 1_000_000, 0.0025, 0.01), CurvePoint("catalog", 1_000, 0.002, 0.004)]

    table = markdown([], {}, curve, MACHINE)

    assert "| 1,000 | 1,000,000 |" in table
    assert "| catalog | 2 ms (4 ms) | 2.5 ms (10 ms) |" in table


def test_the_document_is_json_with_ratios_and_verdicts() -> None:
    result = request_result("blob HEAD, c=8", 3000, 1000)

    read = json.loads(json.dumps(document([result], {}, [CurvePoint("catalog", 1000, 0.001, 0.002)], MACHINE)))

    assert read["machine"] == MACHINE
    assert read["ratios"] == {DISTRIBUTION: [{"name": "blob HEAD, c=8", "speed": 3.0, "cpu": 1 / 3, "memory": None}]}
    assert read["goals"] == [{"name": "blob HEAD, c=8", "goal": "speed ≥ 2.5", "reached": 3.0, "met": True}]
    assert read["curve"] == [{"name": "catalog", "rows": 1000, "median_s": 0.001, "slow_s": 0.002}]
