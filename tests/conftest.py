"""Rules of every test run: contract suites explain themselves, needs are named, and in CI nothing is skipped."""

from __future__ import annotations

import gc
import os
import re
import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.requirements import require_root, require_tool

if TYPE_CHECKING:
    from tests.s3 import S3Server

pytest.register_assert_rewrite("tests.contracts")

# Until everything is collected; each process collects all tests.
gc.disable()

_IN_CI = os.environ.get("CI") == "true"
_SECONDS = re.compile(r"\b\d{10}\b")
_A_DAY_S = 86_400

settings.register_profile(
    "explore",
    # An example's time says more about the other tests on the machine than about the code.
    deadline=None,
    # A contract's property is inherited by the suite of each implementation: that is what contracts are for.
    suppress_health_check=[HealthCheck.differing_executors],
)
# The same examples on every run: a red build must be about its change.
settings.register_profile("repeat", settings.get_profile("explore"), derandomize=True, database=None, print_blob=True)
settings.load_profile("repeat" if _IN_CI else "explore")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` is: twice as many as there are cores, for most tests wait for others' processes."""
    return 2 * len(os.sched_getaffinity(0))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, or one process would end long after the others.

    Tests whose names tell the time are refused: processes that run a part each would not agree about them. So are heavy
    ones whose file does not say so itself: `make test` would pass them over.
    """
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    now = time.time()
    for item in items:
        if any(abs(int(number) - now) < _A_DAY_S for number in _SECONDS.findall(item.nodeid)):
            raise pytest.UsageError(f"the name of a test holds the time at which it was collected: {item.nodeid}")
        if item.get_closest_marker("heavy") and "pytest.mark.heavy" not in item.path.read_text():
            raise pytest.UsageError(f"a test is heavy, and its file does not say so: {item.nodeid}")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what was collected, which stays: it took every seventh second of a process."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold each test's `root` and `tool` markers against this machine before its fixtures start anything."""
    if item.get_closest_marker("root"):
        require_root()
    for marker in item.iter_markers("tool"):
        require_tool(marker.args[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With `CI=true`, a test that skips fails, with the reason for its skip."""
    report = yield
    if _IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure where CI=true: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """With `CI=true`, a module that skips itself fails, with the reason for its skip."""
    report = yield
    if _IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure where CI=true: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


@pytest.fixture(scope="session")
def versitygw() -> Iterator[S3Server]:
    """An S3 server that keeps objects as files."""
    from tests.s3 import running_versitygw

    with running_versitygw() as server:
        yield server


@pytest.fixture(scope="session")
def minio() -> Iterator[S3Server]:
    """An S3 server that keeps them in ways of its own."""
    from tests.s3 import running_minio

    with running_minio() as server:
        yield server
