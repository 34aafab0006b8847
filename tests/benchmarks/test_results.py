import pytest

from benchmarks.measure import Sample, Work
from benchmarks.results import Result
from benchmarks.workloads.workload import Unit
from tests.benchmarks.figures import requests, transfer


def test_a_figure_is_the_median_of_its_rounds() -> None:
    result = Result("download", Unit.BYTES)
    result.samples["ours"] = [transfer(100, 1), transfer(100, 4), transfer(100, 2)]

    value = result.figures("ours").value

    assert value == pytest.approx(50)


def test_cpu_time_is_told_per_gigabyte_or_per_request() -> None:
    weighed = Result("download", Unit.BYTES, {"ours": [transfer(500, 1, cpu_s=0.25)]})
    counted = Result("small", Unit.REQUESTS, {"ours": [requests(1000, 1, cpu_s=0.1)]})

    per_gigabyte, per_request = weighed.figures("ours").cpu_s, counted.figures("ours").cpu_s

    assert per_gigabyte == pytest.approx(0.5)
    assert per_request == pytest.approx(0.0001)


@pytest.mark.parametrize("unit", [Unit.REQUESTS, Unit.BYTES, Unit.SECONDS])
def test_a_speed_above_one_is_faster_in_every_unit(unit: Unit) -> None:
    fast, slow = Sample(Work(10, 10, 1.0)), Sample(Work(10, 10, 2.0))
    result = Result("any", unit, {"fast": [fast], "slow": [slow]})

    speed = result.compare("fast", "slow").speed

    assert speed == pytest.approx(2)


def test_ratios_of_cost_are_less_when_less_is_used() -> None:
    thrifty, wasteful = transfer(1000, 1, cpu_s=1, peak_size=10), transfer(1000, 1, cpu_s=4, peak_size=40)
    result = Result("download", Unit.BYTES, {"thrifty": [thrifty], "wasteful": [wasteful]})

    comparison = result.compare("thrifty", "wasteful")

    assert comparison.cpu == pytest.approx(0.25)
    assert comparison.memory == pytest.approx(0.25)
    assert comparison.rss == pytest.approx(0.25)


def test_what_is_not_known_is_not_compared() -> None:
    result = Result("download", Unit.BYTES, {"known": [transfer(1, 1, cpu_s=1)], "unknown": [transfer(1, 1)]})

    comparison = result.compare("known", "unknown")

    assert comparison.speed == pytest.approx(1)
    assert comparison.cpu is None
    assert comparison.memory is None


def test_a_server_that_failed_has_no_figures() -> None:
    result = Result("download", Unit.BYTES, {"ours": [transfer(1, 1)]}, {"theirs": "refused"})

    speed = result.compare("ours", "theirs").speed

    assert speed is None


def test_the_speeds_of_single_rounds_compare_what_ran_side_by_side() -> None:
    result = Result("small", Unit.REQUESTS)
    result.samples["ours"] = [requests(100, 1), requests(300, 1), requests(40, 1)]
    result.samples["theirs"] = [requests(50, 1), requests(100, 1), requests(40, 1)]

    speeds = result.compare("ours", "theirs").speeds

    assert speeds == (1, 3)


def test_the_document_keeps_every_round() -> None:
    result = Result("small", Unit.REQUESTS, {"ours": [requests(100, 1), requests(300, 1)]}, {"theirs": "refused"})

    document = result.document()

    assert document["servers"]["ours"]["rounds"] == [100, 300]
    assert document["servers"]["ours"]["value"] == 200
    assert document["failures"] == {"theirs": "refused"}
