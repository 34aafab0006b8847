"""Waiting until nothing else runs."""

import subprocess

import pytest

from benchmarks import rest


def test_whoever_runs_is_waited_for_but_not_for_ever() -> None:
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as busy:
        found = rest.wait_for_rest(0.2)
        # Before all else: the end of the block waits for it.
        busy.kill()
    assert not found


def test_it_is_at_rest_when_nobody_has_run_for_several_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [2, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 1, 2]
    monkeypatch.setattr(rest, "_busy_processes", lambda: seen.pop(0))

    assert rest.wait_for_rest(60)
    assert seen == [2]
