"""Tests that run on this host run once more on another kernel: one whose cgroups are of version 2 alone.

One start of the machine serves them all. It takes ten times as long there, so they are chosen: what asks the kernel
about limits, devices and networks, and a container's life.
"""

import sys

import pytest

from tests.emulation.machine import run_tests
from tests.emulation.report import Result, exit_status, read_report

pytestmark = [pytest.mark.root, pytest.mark.tool("qemu-system-x86_64"), pytest.mark.timeout(860)]

CGROUPS = "tests/runner/cgroups/test_group.py"
DEVICES = "tests/runner/cgroups/test_device_filters.py"
MONITOR = "tests/runner/containers/test_monitor.py"
EXEC = "tests/runner/containers/further/test_executing.py"
NETWORKS = "tests/runner/network/test_networks.py"
LIFECYCLE = "tests/runner/oci/test_lifecycle.py"
RUNTIMES = "tests/runner/containers/test_other_runtimes.py"
ROOTFS = "tests/runner/oci/test_rootfs.py"

CHOSEN: dict[str, tuple[str, ...]] = {
    CGROUPS: (),
    DEVICES: (),
    NETWORKS: ("test_a_published_port_is_reached_from_everywhere",),
    MONITOR: ("test_the_end_is_written_down_and_it_can_be_started_again", "test_want_of_memory_is_told"),
    # crun refuses hosts that have both versions; runc runs on those.
    RUNTIMES: ("test_a_container_lives_by_another_runtime[crun]",),
    EXEC: (
        "test_a_program_has_the_limits_and_rights_of_its_container",
        "test_in_a_container_that_is_paused_nothing_is_executed",
    ),
    LIFECYCLE: (
        "test_limits_are_set_and_updated_while_it_runs",
        "test_exec_follows_programs_that_have_made_cgroups_of_their_own",
    ),
    ROOTFS: (
        "test_devices_that_no_rule_allows_can_not_be_used",
        "test_its_own_cgroup_and_no_other_is_mounted",
    ),
}
"""Files, and which of their tests; all where none is named."""


@pytest.fixture(scope="module")
def report() -> str:
    tests = [f"{file}::{name}" for file, names in CHOSEN.items() for name in names]
    return run_tests(sys.executable, [*(file for file, names in CHOSEN.items() if not names), *tests])


@pytest.mark.parametrize("file", CHOSEN)
def test_on_a_kernel_of_version_2(file: str, report: str, subtests: pytest.Subtests) -> None:
    results = [result for result in read_report(report) if result.file == file]

    for result in results:
        with subtests.test(result.name):
            if result.trouble:
                pytest.fail(result.trouble, pytrace=False)
    ran = {name for result in results for name in (result.name, result.name.partition("[")[0])}
    assert ran
    assert ran >= set(CHOSEN[file])


def test_the_run_in_the_machine_came_to_its_end(report: str) -> None:
    assert exit_status(report) in {0, 1}


def test_what_failed_or_was_left_out_in_the_machine_is_told() -> None:
    text = (
        '<?xml version="1.0"?><testsuites><testsuite>'
        '<testcase classname="tests.runner.test_x" name="test_good[1]"/>'
        '<testcase classname="tests.runner.test_x" name="test_bad"><failure message="no">why</failure></testcase>'
        '<testcase classname="tests.runner.test_y" name="test_left"><skipped message="lacks it"/></testcase>'
        "</testsuite></testsuites><!--status 1-->\n"
    )

    assert read_report(text) == [
        Result("tests/runner/test_x.py", "test_good[1]", None),
        Result("tests/runner/test_x.py", "test_bad", "failure: no\nwhy"),
        Result("tests/runner/test_y.py", "test_left", "skipped: lacks it\n"),
    ]
    assert exit_status(text) == 1
    assert read_report("<!--status 4-->\n") == []
