"""What is measured of engines, round by round: each does its turn, then the next, so that a busy moment hits all.

A turn begins when the machine is at rest: engines go on after the end of a command, and who comes next shall not pay
for it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.engines.engines import Engine, EngineFailed
from benchmarks.measure import median
from benchmarks.processes import shared_bytes
from benchmarks.rest import wait_for_rest

Turns = dict[str, Callable[[], object]]

_IDLE = 5


@dataclass(slots=True)
class Measured:
    """One kind of work: what each engine needed in each round, or why there is nothing to tell."""

    name: str
    unit: str
    """`ms`, `s` or `MiB`."""
    rounds: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def median(self, engine: str) -> float | None:
        """The middle one of its rounds."""
        return median(self.rounds.get(engine, []))

    def least(self, engine: str) -> float | None:
        """The best of its rounds."""
        return min(self.rounds.get(engine, []), default=None)


def measure_starts(engines: Sequence[Engine], network: str, rounds: int, *, runc: Path | None = None) -> Measured:
    """From the command to its end: a container that does nothing. `runc` is a bundle, for runc without an engine."""
    measured = Measured(f"run, network {network}", "ms")
    turns = _turns(engines, lambda engine: engine(*engine.run_words(network, "true")))
    if runc is not None:
        turns["runc alone"] = partial(_run_bundle, runc)
    _interleave(measured, turns, rounds, per_s=1000)
    return measured


def measure_parallel_starts(engines: Sequence[Engine], number: int) -> Measured:
    """So many containers at the same time, until the last has ended."""
    measured = Measured(f"{number} runs at once, network none", "s")

    def all_at_once(engine: Engine) -> None:
        words = engine.run_words("none", "true")
        begun = [engine.begin(*words) for _ in range(number)]
        for process in begun:
            engine.finish(process, words)

    _interleave(measured, _turns(engines, all_at_once), 1)
    return measured


def measure_exec(engines: Sequence[Engine], rounds: int) -> Measured:
    """A further program in a container that runs."""
    measured = Measured("exec", "ms")
    with _idle(engines, 1, measured) as running:
        _interleave(measured, _turns(running, lambda engine: engine("exec", "bench-0", "true")), rounds, per_s=1000)
    return measured


def measure_memory(engines: Sequence[Engine]) -> Measured:
    """What is there for each container that does nothing: proportional set size of the process that watches it."""
    measured = Measured("memory of an idle container's monitor", "MiB")
    before = {engine.name: _monitors(engine) for engine in engines}
    with _idle(engines, _IDLE, measured) as running:
        for engine in running:
            added = _monitors(engine) - before[engine.name]
            measured.rounds[engine.name] = [shared_bytes(added) / _IDLE / 2**20]
    return measured


def measure_pulls(engines: Sequence[Engine], name: str, what: str, rounds: int) -> Measured:
    """Pull and unpack of an image that the engine has nothing of, from a registry on this machine."""
    measured = Measured(f"pull, {what}", "s")
    able = [engine for engine in engines if engine.decompresses_zstd or "zstd" not in what]
    measured.failures.update({engine.name: "takes no zstd" for engine in engines if engine not in able})
    _interleave(
        measured,
        _turns(able, lambda engine: engine("pull", *engine.pull_flags, name)),
        rounds,
        afterwards=_turns(able, lambda engine: engine("rmi", name)),
    )
    return measured


def _turns(engines: Sequence[Engine], turn: Callable[[Engine], object]) -> Turns:
    return {engine.name: partial(turn, engine) for engine in engines}


def _interleave(
    measured: Measured,
    turns: Turns,
    rounds: int,
    *,
    per_s: int = 1,
    afterwards: Turns | None = None,
) -> None:
    """Let each have its turn, `rounds` times; who fails once is not asked again. The first turns are not counted."""
    for number in range(rounds + 1 if rounds > 1 else 1):
        for name, turn in turns.items():
            if name in measured.failures:
                continue
            wait_for_rest()
            try:
                began = time.perf_counter()
                turn()
                needed = (time.perf_counter() - began) * per_s
                if afterwards is not None:
                    afterwards[name]()
            except (EngineFailed, subprocess.TimeoutExpired) as error:
                measured.failures[name] = str(error)
                measured.rounds.pop(name, None)
                continue
            if number or rounds == 1:
                measured.rounds.setdefault(name, []).append(needed)


@contextmanager
def _idle(engines: Sequence[Engine], number: int, measured: Measured) -> Iterator[list[Engine]]:
    """Containers that sleep, as many for each engine; those engines that could start them."""
    running = []
    names = [f"bench-{index}" for index in range(number)]
    try:
        for engine in engines:
            try:
                for name in names:
                    engine(*engine.run_words("none", "sleep", "10000", detach=name))
                running.append(engine)
            except EngineFailed as error:
                measured.failures[engine.name] = str(error)
        yield running
    finally:
        for engine in running:
            engine("rm", "--force", *names)


def _monitors(engine: Engine) -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if engine.monitor in (entry / "cmdline").read_bytes().decode(errors="replace"):
                found.add(int(entry.name))
        except OSError:
            continue  # It ended while we looked.
    return found


def _run_bundle(bundle: Path) -> None:
    done = subprocess.run(["runc", "run", "--bundle", bundle, "bench"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineFailed(f"runc: {done.stderr[-1000:]}")
