"""Command lines and monitors that are killed at any moment leave nothing that the next command does not clear away.

Root; only what is this test's own is looked at, for others make containers on this machine at the same time.
"""

from __future__ import annotations

import random
import subprocess
import time
from contextlib import suppress

import pytest

from tests.runner.containers.commands import IMAGE, Commands, cgroups_of, kill
from tests.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox"), pytest.mark.tool("nft"), pytest.mark.tool("ip")]

NETWORKS = ("none", "bridge")


def play(runner: Commands, rounds: int) -> None:
    """Start containers, kill at random who starts or watches them, and look at what the next command tells."""
    chance = random.Random(7)
    made: set[str] = set()
    # Whoever begins is killed within the time that a start takes on a machine that has more to do, or after it.
    longest_s = 0.6
    for number in range(rounds):
        words = ["run", *(["--rm"] if number % 3 else []), "--network", NETWORKS[number % 2], "-p", "8080:80", IMAGE]
        program = ["sleep", "100"] if number % 5 else ["true"]
        with subprocess.Popen(
            runner.command(*words, *program),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as begun:
            time.sleep(chance.random() * longest_s)
            if number % 2:
                begun.kill()
            made |= {path.name.removeprefix(".new-") for path in runner.containers()}
            for pid in runner.monitors().values():
                if chance.random() < 0.6:
                    with suppress(ProcessLookupError):
                        kill(pid)
            begun.kill()
        check(runner)
    runner.clear()
    until(lambda: runner.left() == [])
    assert cgroups_of(made) == []
    assert runner.published() == []


def check(runner: Commands) -> None:
    """What is told to run has a monitor; nothing else has."""

    def is_true() -> bool:
        told = set(runner("ps", "--quiet", "--no-trunc").split())
        return told == set(runner.monitors()) and not runner.half_made()

    until(is_true)
    for container in runner("ps", "--quiet", "--no-trunc").split():
        runner("rm", "--force", container)


def test_a_few_rounds(runner: Commands) -> None:
    play(runner, 10)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_hundreds_of_rounds(runner: Commands) -> None:
    play(runner, 300)
