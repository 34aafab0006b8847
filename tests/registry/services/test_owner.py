"""A process that owns a job is known to be dead when it is, and only then."""

from __future__ import annotations

import os

import pytest

from registry.services.owner import has_died, this_process
from tests.registry.services.owning import owning_process


def test_a_process_that_runs_has_not_died() -> None:
    assert not has_died(this_process())
    with owning_process() as (_, name):
        assert name != this_process()
        assert not has_died(name)


def test_a_process_that_was_killed_has_died_whether_or_not_its_parent_has_noticed() -> None:
    with owning_process() as (process, name):
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert has_died(name)

        process.wait()
        assert has_died(name)


def test_a_process_id_that_was_given_again_is_another_process() -> None:
    name, _, began = this_process().rpartition(" ")

    assert has_died(f"{name} {int(began) - 1}")


@pytest.mark.parametrize("name", ["", "node:7", f"another-host {2**22 + 1} 12345"])
def test_of_a_process_elsewhere_nothing_is_known(name: str) -> None:
    assert not has_died(name)


def test_of_a_process_without_a_full_name_nothing_is_known() -> None:
    machine, process, _ = this_process().split(" ")

    assert not has_died(f"{machine} {process}")
    assert not has_died(machine)
    assert not has_died(f"{machine} x 1")


@pytest.mark.root
def test_a_process_that_may_not_be_seen_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    with owning_process() as (_, name):
        before = os.geteuid()
        monkeypatch.setattr("registry.services.owner._seen", _hidden)
        os.seteuid(65534)
        try:
            assert not has_died(name)
        finally:
            os.seteuid(before)


def _hidden(number: int) -> tuple[str, str]:
    """As /proc answers about processes of others when it is mounted with `hidepid`."""
    raise FileNotFoundError(f"/proc/{number}/stat")
