"""Engines are measured in turns; who fails is told, and the rest goes on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.engines import workloads
from benchmarks.engines.engines import IMAGE, OURS, Engine
from benchmarks.engines.report import as_document, as_markdown, judge
from benchmarks.engines.workloads import Measured
from benchmarks.publish import NotPublishable, publish_runner

PAGE = Path(__file__).parents[2] / "docs" / "runner-performance.md"


@pytest.fixture
def turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Engine]:
    """Engines that write down when it is their turn, and then do something, however busy the machine is."""
    monkeypatch.setattr(workloads, "wait_for_rest", lambda: True)

    def made(name: str, script: str = "") -> Engine:
        return Engine(name, ("sh", "-c", f'echo {name} "$@" >>{tmp_path}/turns; {script}', "sh"), "no monitor")

    return made


def test_each_has_its_turn_in_every_round_and_the_first_does_not_count(
    turns: Callable[..., Engine], tmp_path: Path
) -> None:
    measured = workloads.measure_starts([turns(OURS), turns("docker")], "none", 2)

    begun = [line.split()[0] for line in (tmp_path / "turns").read_text().splitlines()]
    assert begun == [OURS, "docker"] * 3
    assert {name: len(rounds) for name, rounds in measured.rounds.items()} == {OURS: 2, "docker": 2}
    assert f"run --rm --network=none {IMAGE} true" in (tmp_path / "turns").read_text()


def test_who_fails_is_not_asked_again_and_the_reason_is_told(turns: Callable[..., Engine], tmp_path: Path) -> None:
    measured = workloads.measure_starts([turns(OURS), turns("docker", "echo no such >&2; exit 1")], "none", 2)

    assert (tmp_path / "turns").read_text().count("docker") == 1
    assert list(measured.rounds) == [OURS]
    assert "no such" in measured.failures["docker"]
    assert "no such" in as_markdown([measured], {"cores": "2"}, {})


def test_what_was_begun_in_the_background_is_removed(turns: Callable[..., Engine], tmp_path: Path) -> None:
    workloads.measure_exec([turns(OURS)], 1)

    lines = (tmp_path / "turns").read_text().splitlines()
    assert lines[0] == f"{OURS} run --detach --name bench-0 --network=none {IMAGE} sleep 10000"
    assert lines[-1] == f"{OURS} rm --force bench-0"


def test_an_engine_without_zstd_is_left_out_of_its_pulls(turns: Callable[..., Engine]) -> None:
    old = Engine("docker", turns("docker").command, "", decompresses_zstd=False)

    measured = workloads.measure_pulls([turns(OURS), old], "localhost/x", "1 MB of zstd", 1)

    assert list(measured.rounds) == [OURS]
    assert measured.failures == {"docker": "takes no zstd"}


def test_goals_are_bounds_and_parts_of_what_others_need() -> None:
    start = Measured("run, network none", "ms", {OURS: [40.0, 41.0, 400.0], "docker": [100.0], "podman": [200.0]})
    pull = Measured("pull, 1 MB of gzip", "s", {OURS: [3.0], "docker": [2.0]})

    verdicts = {(verdict.goal.work, verdict.goal.of): verdict.met for verdict in judge([start, pull])}

    assert verdicts == {
        ("run, network none", None): True,
        ("run, network none", "docker"): False,
        ("run, network none", "podman"): True,
        ("pull, 1 MB of gzip", "docker"): False,
    }


def measured_in(directory: Path, part: str) -> None:
    results = [Measured("exec", "ms", {OURS: [7.0, 8.0, 9.0]})]
    directory.mkdir()
    (directory / "results.md").write_text(as_markdown(results, {"cores": "2"}, {"docker": "1.0"}))
    (directory / "results.json").write_text(json.dumps(as_document(results, {}, {}, part)))


def test_the_figures_of_a_whole_run_go_into_the_page(tmp_path: Path) -> None:
    measured_in(tmp_path / "measured", "")
    (tmp_path / PAGE.name).write_text(PAGE.read_text())

    publish_runner(tmp_path / "measured", tmp_path)

    text = (tmp_path / PAGE.name).read_text()
    assert "| exec (ms) | 8.0 (7.0) |" in text
    assert text.partition("<!--")[0] == PAGE.read_text().partition("<!--")[0]


def test_the_figures_of_a_part_stay_where_they_are(tmp_path: Path) -> None:
    measured_in(tmp_path / "measured", "QUICK=1")
    (tmp_path / PAGE.name).write_text(PAGE.read_text())

    with pytest.raises(NotPublishable, match="QUICK=1"):
        publish_runner(tmp_path / "measured", tmp_path)
