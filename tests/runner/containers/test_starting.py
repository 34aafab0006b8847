"""What keeps a container from being started before its monitor has the order (root)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.containers import ending, records, settling, starting, status
from runner.containers.errors import MonitorLost, StartFailed
from runner.containers.records import Container
from runner.containers.settings import CONTAINER, SHAREABLE, Device, Namespaces, Network
from runner.containers.spawning import Monitor
from runner.network import publications
from tests.runner.containers.sites import Site, heard

pytestmark = pytest.mark.root


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    """One that has been begun."""
    monitor = Monitor()
    yield monitor
    monitor.dismiss()


def start(site: Site, container: Container, monitor: Monitor, warn: Callable[[str], None] = print) -> None:
    starting.start(site.folders, site.place(container), container, monitor, size=None, warn=warn)


def loading_monitors() -> list[int]:
    """Those that this process has begun."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return [int(child) for child in children if b"/monitor/launch.py" in Path(f"/proc/{child}/cmdline").read_bytes()]


def mounts_held() -> int:
    """How many roots of mounts that are nowhere this process has open."""
    opened = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
    return sum(os.path.lexists(path) and os.readlink(path) == "/" for path in opened)


def test_whatever_cannot_be_prepared_is_told_and_written_down(site: Site, monitor: Monitor) -> None:
    # No command line has such a device, and nothing of ours looks for it.
    container = site.create("true", devices=(Device("/dev/nu\0ll", "/dev/null", "rwm"),))

    with pytest.raises(StartFailed, match="ValueError: embedded null byte") as failed:
        start(site, container, monitor)

    assert failed.value.status == 125
    outcome = records.outcome(site.place(container))
    assert outcome is not None
    assert (outcome.exit_code, outcome.error) == (125, str(failed.value))
    assert not os.path.exists(site.place(container).passing)


def test_a_monitor_that_is_killed_while_it_loads_is_told_like_any_other(site: Site, monitor: Monitor) -> None:
    container = site.create("true")
    (pid,) = loading_monitors()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    with pytest.raises(MonitorLost):
        start(site, container, monitor)


def test_where_nobody_hears_a_warning_nothing_is_begun_and_nothing_held(site: Site, monitor: Monitor) -> None:
    container = site.create("true", network=Network("host", publications=tuple(publications.parse("80:80"))))
    place = site.place(container)
    held = mounts_held()

    def warn(_text: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        start(site, container, monitor, warn)

    assert mounts_held() == held
    monitor.dismiss()
    assert records.outcome(place) is None
    assert status.of(place) == status.CREATED
    lock = settling.lock(place)
    settling.settle(site.folders, place)
    os.close(lock)


def test_shared_memory_of_another_is_not_held_where_nothing_is_begun(site: Site, monitor: Monitor) -> None:
    other = site.create("sleep", "100", namespaces=Namespaces(ipc=SHAREABLE))
    joining = Namespaces(ipc=f"{CONTAINER}{other.id}")
    container = site.create("true", namespaces=joining, devices=(Device("/missing", "/missing", "rwm"),))

    with site.started(other) as first:
        held = mounts_held()
        with pytest.raises(StartFailed, match="gathering device information"):
            start(site, container, monitor)
        after = mounts_held()
        ending.kill(site.place(other), signal.SIGKILL)
        heard(first.end)

    assert after == held
