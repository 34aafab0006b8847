import json
from dataclasses import replace

from benchmarks.ceilings import RESPONDER
from benchmarks.curve import CurvePoint
from benchmarks.measure import Sample, Work
from benchmarks.report import Report
from benchmarks.results import Result
from benchmarks.servers import DISTRIBUTION, MOORAGE, WITH_ACCOUNTS
from benchmarks.workloads.workload import Unit
from tests.benchmarks.figures import request_result, requests, transfer

MACHINE = {"cores": "2", "memory": "8 GiB"}


def test_a_row_tells_both_values_the_ratio_and_the_goal() -> None:
    result = request_result("manifest GET by tag, c=8", 6000, 1500, cpu_s=0.6)

    table = Report(machine=MACHINE, results=[result]).markdown()

    goal, row = [line for line in table.splitlines() if line.startswith("| manifest GET by tag")]
    assert goal == "| manifest GET by tag, c=8 | speed ≥ 3 | 4.00 | ✓ |"
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "manifest GET by tag, c=8",
        "6,000 requests/s",
        "1,500 requests/s",
        "4.00",
        "0.25",
        "–",
        "100 µs",
        "400 µs",
        "–",
        "–",
        "–",
        "speed ≥ 3 ✓",
    ]


def test_what_falls_short_is_said_below_the_table() -> None:
    result = request_result("blob HEAD, c=8", 2000, 1000)

    table = Report(machine=MACHINE, results=[result]).markdown()

    assert "- below its goal: blob HEAD, c=8: 2.00, goal speed ≥ 2.5" in table


def test_every_peer_has_a_table_of_its_own_and_goals_stand_beside_distribution_only() -> None:
    result = request_result("blob HEAD, c=8", 2000, 1000)
    result.samples["zot"] = [requests(500, 1)]

    table = Report(machine=MACHINE, results=[result]).markdown()

    _, *rows = [line for line in table.splitlines() if line.startswith("| blob HEAD")]
    assert ["✗" in row for row in rows] == [True, False]
    assert "| 4.00 |" in rows[1]


def test_failures_and_what_was_not_measured_are_told() -> None:
    failed = Result("blob GET", Unit.BYTES, {MOORAGE: [transfer(1, 1)]}, {DISTRIBUTION: "the server answered 500"})

    table = Report(machine=MACHINE, results=[failed], left_out={"skopeo push": "skopeo is not installed"}).markdown()

    assert "- blob GET: distribution failed: the server answered 500" in table
    assert "- not measured: skopeo push (skopeo is not installed)" in table


def test_figures_of_a_busy_machine_are_called_rough() -> None:
    calm, rough = request_result("calm", 1, 1), request_result("rough", 1, 1)
    rough.samples[MOORAGE] = [Sample(Work(1, 0, 1), others=0.4)]

    table = Report(machine=MACHINE, results=[calm, rough]).markdown()

    assert "- rough: rough: others used 40% of the machine" in table
    assert "- rough: calm" not in table


def test_accounts_have_a_table_of_their_own_beside_the_same_without() -> None:
    samples = {WITH_ACCOUNTS: [requests(800, 1)], MOORAGE: [requests(1000, 1)]}
    result = Result("manifest GET with a token, c=8", Unit.REQUESTS, samples)
    grants = [CurvePoint("a check", 100, 0.001, 0.002), CurvePoint("a check", 100_000, 0.002, 0.004)]

    report = Report(machine=MACHINE, results=[], access=[result], grants=grants)

    table = report.markdown()
    assert "| manifest GET with a token, c=8 | 800 requests/s | 1,000 requests/s | 0.80 |" in table
    assert "- below its goal: manifest GET with a token, c=8: 0.80, goal speed ≥ 0.9" in table
    assert "| median (99 of 100), by grants | 100 | 100,000 | growth | of CPU |" in table
    assert "- not flat: a check takes 2.0 times as long" in table
    assert report.document()["access"][0]["name"] == result.name
    assert [point["rows"] for point in report.document()["grants"]] == [100, 100_000]


def test_the_curve_has_a_column_for_each_size() -> None:
    curve = [
        CurvePoint("catalog", 1_000_000, 0.0025, 0.01, cpu_s=0.001),
        CurvePoint("catalog", 1_000, 0.002, 0.004, cpu_s=0.002),
    ]

    table = Report(machine=MACHINE, results=[], curve=curve).markdown()

    assert "| 1,000 | 1,000,000 | growth | of CPU |" in table
    assert "| catalog | 2 ms (4 ms) | 2.5 ms (10 ms) | 1.25 | 0.50 |" in table
    assert "not flat" not in table


def test_a_request_that_takes_longer_in_a_large_database_is_named() -> None:
    curve = [
        CurvePoint("catalog", 1_000, 0.002, 0.004, cpu_s=0.001),
        CurvePoint("catalog", 1_000_000, 0.0032, 0.01, cpu_s=0.0011),
    ]

    table = Report(machine=MACHINE, results=[], curve=curve).markdown()

    [note] = [line for line in table.splitlines() if line.startswith("- not flat")]
    assert "catalog takes 1.6 times as long" in note
    assert "1.1 times the CPU time" in note


def test_rounds_that_disagree_are_seen_in_the_speed() -> None:
    result = request_result("blob HEAD, c=8", 2000, 1000)
    result.samples[MOORAGE] += [requests(3000, 1), requests(2500, 1)]
    result.samples[DISTRIBUTION] += [requests(1000, 1), requests(2000, 1)]

    table = Report(machine=MACHINE, results=[result]).markdown()

    assert "| 2.50 (1.25–3.00) |" in table


def test_the_generators_own_ceiling_stands_beside_what_was_reached() -> None:
    result = request_result("blob HEAD, c=8", 2000, 1000)
    alone = Result("blob HEAD, c=8", Unit.REQUESTS, {RESPONDER: [Sample(Work(8000, 0, 1, client_s=0.04))]})

    table = Report(machine=MACHINE, results=[result], ceilings=[alone]).markdown()

    assert "| blob HEAD, c=8 | 8,000 requests/s | 5.0 µs | 25% | 12% |" in table


def test_a_client_that_was_always_busy_makes_a_figure_rough() -> None:
    result = request_result("blob HEAD, c=8", 2000, 1000)
    result.samples[MOORAGE] = [Sample(Work(2000, 0, 1, client_s=0.95, client_load=0.95))]

    table = Report(machine=MACHINE, results=[result]).markdown()

    assert "- rough: blob HEAD, c=8: the client may be the limit: its threads were busy 95% of the time" in table


def test_a_disk_that_was_not_always_as_fast_makes_a_figure_rough() -> None:
    result = Result("blob upload", Unit.BYTES)
    for disk in (400e6, 100e6):
        result.samples.setdefault(MOORAGE, []).append(replace(transfer(100, 1), disk=disk))

    table = Report(machine=MACHINE, results=[result]).markdown()

    assert "- rough: blob upload: the disk itself wrote 100 MB/s before one round and 400 before another" in table


def test_the_document_is_json_with_ratios_and_verdicts() -> None:
    result = request_result("blob HEAD, c=8", 3000, 1000)
    report = Report(machine=MACHINE, results=[result], curve=[CurvePoint("catalog", 1000, 0.001, 0.002)])

    read = json.loads(json.dumps(report.document()))

    assert read["machine"] == MACHINE
    [ratios] = read["ratios"][DISTRIBUTION]
    assert ratios["name"] == "blob HEAD, c=8"
    assert (ratios["speed"], ratios["cpu"], ratios["memory"]) == (3.0, 1 / 3, None)
    assert read["goals"] == [{"name": "blob HEAD, c=8", "goal": "speed ≥ 2.5", "reached": 3.0, "met": True}]
    [point] = read["curve"]
    assert (point["name"], point["rows"], point["median_s"]) == ("catalog", 1000, 0.001)
