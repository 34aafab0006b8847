import pytest

from benchmarks.goals import judge
from benchmarks.measure import Sample, Work
from benchmarks.results import Result
from benchmarks.servers import DISTRIBUTION, MOORAGE, WITH_ACCOUNTS
from benchmarks.workloads.workload import Unit
from tests.benchmarks.figures import request_result, requests, transfer


@pytest.mark.parametrize(("ours", "met"), [(300, True), (299, False)])
def test_a_goal_of_speed_is_met_from_its_bound_on(ours: int, met: bool) -> None:
    [verdict] = judge([request_result("manifest GET by tag, c=8", ours, 100)])

    assert verdict.met is met
    assert verdict.reached == pytest.approx(ours / 100)


@pytest.mark.parametrize(("cpu_s", "met"), [(0.5, True), (0.51, False)])
def test_a_goal_of_cost_is_met_up_to_its_bound(cpu_s: float, met: bool) -> None:
    ours, theirs = transfer(1000, 1, cpu_s=cpu_s), transfer(1000, 2, cpu_s=1)
    result = Result("blob GET 100 MiB, c=8", Unit.BYTES, {MOORAGE: [ours], DISTRIBUTION: [theirs]})

    verdicts = {verdict.goal.figure: verdict.met for verdict in judge([result])}

    assert verdicts == {"speed": True, "CPU": met}


def test_goals_of_uploads_hold_for_both_encodings() -> None:
    names = ["blob upload 1 MiB, Content-Length, c=8", "blob upload 1 MiB, chunked, c=8"]

    judged = [verdict.workload for verdict in judge([request_result(name, 1, 1) for name in names])]

    assert judged == names


def test_the_start_is_judged_without_a_peer() -> None:
    result = Result("start, to the first answer", Unit.SECONDS, {MOORAGE: [Sample(Work(1, 0, 0.8))]})

    [verdict] = judge([result])

    assert verdict.met
    assert verdict.reached == pytest.approx(0.8)


@pytest.mark.parametrize(("with_token", "met"), [(90, True), (89, False)])
def test_accounts_are_judged_beside_the_same_without(with_token: int, met: bool) -> None:
    samples = {WITH_ACCOUNTS: [requests(with_token, 1)], MOORAGE: [requests(100, 1)]}

    [verdict] = judge([Result("manifest GET with a token, c=8", Unit.REQUESTS, samples)])

    assert verdict.met is met
    assert verdict.reached == pytest.approx(with_token / 100)


def test_a_workload_without_its_peer_is_not_judged() -> None:
    alone = request_result("manifest GET by tag, c=8", 300, 100)
    del alone.samples[DISTRIBUTION]

    assert judge([alone]) == []
