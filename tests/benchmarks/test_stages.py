import fnmatch
from pathlib import Path

import pytest

from benchmarks.access import access_workloads
from benchmarks.content import Corpus
from benchmarks.generator import Generator
from benchmarks.goals import GOALS
from benchmarks.machine import file_system
from benchmarks.options import read_options
from benchmarks.s3.workloads import make_stages
from benchmarks.workloads import starts
from benchmarks.workloads.stages import make_program
from benchmarks.workloads.workload import Kit, size_name


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus()


def names(corpus: Corpus, scratch: Path, **environment: str) -> list[str]:
    kit = Kit(Generator(Path("unused")), corpus, read_options(environment), scratch)
    program = make_program(kit)
    measured = [workload.name for stage in program.stages for workload in stage.workloads]
    with_accounts = [workload.name for workload in access_workloads(kit)]
    on_s3 = [workload.name for stage in make_stages(kit) for workload in stage.workloads]
    return [*measured, *on_s3, *with_accounts, *program.left_out, starts.FIRST_START, starts.START, starts.IDLE]


def test_every_goal_is_about_something_that_is_measured(corpus: Corpus, tmp_path: Path) -> None:
    measured = names(corpus, tmp_path)

    idle = [goal.pattern for goal in GOALS if not fnmatch.filter(measured, goal.pattern)]

    assert idle == []


def test_no_two_workloads_have_one_name(corpus: Corpus, tmp_path: Path) -> None:
    measured = names(corpus, tmp_path)

    assert len(set(measured)) == len(measured)


def test_a_quick_run_measures_a_part_of_the_whole_one(corpus: Corpus, tmp_path: Path) -> None:
    quick, whole = names(corpus, tmp_path, QUICK="1"), names(corpus, tmp_path)

    without_lists = {name for name in quick if not name.startswith("tag list")}

    assert without_lists < set(whole)


def test_only_what_was_asked_for_is_run(corpus: Corpus, tmp_path: Path) -> None:
    chosen = names(corpus, tmp_path, ONLY="blob head")

    assert [name for name in chosen if not name.startswith(("start", "memory"))] == [
        *(f"blob HEAD, c={connections}" for connections in (1, 8, 64)),
        "blob HEAD, found anew, c=8",
    ]


def test_uploads_into_memory_are_left_out(corpus: Corpus) -> None:
    memory = Path("/dev/shm")
    if file_system(memory) != "tmpfs":
        pytest.skip("/dev/shm is no tmpfs here")
    kit = Kit(Generator(Path("unused")), corpus, read_options({"ONLY": "upload"}), memory)

    program = make_program(kit)

    assert program.stages == ()
    assert len(program.left_out) == 18
    assert {reason for reason in program.left_out.values() if "durable" not in reason} == set()


@pytest.mark.parametrize(
    ("size", "name"),
    [(100, "100 B"), (1024, "1 KiB"), (100 * 1024**2, "100 MiB"), (1024**3, "1 GiB"), (1025, "1025 B")],
)
def test_sizes_are_told_in_their_largest_whole_unit(size: int, name: str) -> None:
    assert size_name(size) == name
