"""`make bench`: measure Moorage beside distribution, and beside every registry that PEERS names, in one run."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from benchmarks import chart
from benchmarks.access import measure_access
from benchmarks.accounts import LoginRefused
from benchmarks.ceilings import measure_ceilings
from benchmarks.content import Corpus, PushRefused
from benchmarks.curve import SIZES, CurvePoint, measure_curve
from benchmarks.generator import Generator, LoadFailed
from benchmarks.grants import SIZES as GRANTS
from benchmarks.grants import measure_grants
from benchmarks.machine import describe_machine, load_average
from benchmarks.options import OptionInvalid, Options, read_options
from benchmarks.report import Report
from benchmarks.results import Result
from benchmarks.rounds import run_rounds
from benchmarks.servers import DISTRIBUTION, MOORAGE, WITH_ACCOUNTS, Candidate, Distribution, Moorage, Peer, StartFailed
from benchmarks.toolchain import ToolchainMissing, build_distribution, build_load
from benchmarks.workloads.stages import Stage, make_program
from benchmarks.workloads.starts import measure_starts
from benchmarks.workloads.workload import Kit

OUTPUT = Path("build/bench")
_BUSY = 0.5
_CURVE_ROUNDS = 3


def main() -> int:
    """Measure and report; the exit status is 1 where Moorage failed in a workload, 2 where nothing could be done."""
    # SIGTERM and SIGHUP unwind as Ctrl-C does, so that every server that was started is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _unwind)
    try:
        options = read_options(os.environ)
        generator = Generator(build_load())
        candidates = [Moorage(), Distribution(build_distribution()), *map(Peer, options.peers)]
        if load_average() > _BUSY:
            print(f"The machine is busy (load {load_average():.1f}): figures will be rough.", file=sys.stderr)
        OUTPUT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=OUTPUT, prefix="scratch.") as scratch:
            kit = Kit(generator, Corpus(), options, Path(scratch).resolve())
            return _measure(kit, candidates)
    except (OptionInvalid, ToolchainMissing, StartFailed, PushRefused, LoadFailed, LoginRefused) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def _measure(kit: Kit, candidates: Sequence[Candidate]) -> int:
    began = time.monotonic()
    program = make_program(kit)
    results: list[Result] = []
    for stage in program.stages:
        results += _run_stage(kit, stage, candidates)
    if kit.options.wants("start"):
        started = [candidate for candidate in candidates if not isinstance(candidate, Peer)]
        results += measure_starts(started, kit.scratch, kit.options.rounds)
    left_out = program.left_out
    access = measure_access(kit)
    curve = _unless_failed("curve", lambda: _curve(kit), left_out)
    grants = _unless_failed("a check each, by grants", lambda: _grants(kit), left_out)
    report = Report(
        machine=describe_machine(OUTPUT),
        results=results,
        left_out=left_out,
        ceilings=measure_ceilings(kit),
        access=access,
        curve=curve or [],
        grants=grants or [],
        part=kit.options.part,
        seconds=time.monotonic() - began,
    )
    _write(report)
    ours = {MOORAGE, WITH_ACCOUNTS}
    failed = (
        curve is None or grants is None or any(ours & result.failures.keys() for result in (*results, *report.access))
    )
    return 1 if failed else 0


def _run_stage(kit: Kit, stage: Stage, candidates: Sequence[Candidate]) -> list[Result]:
    tls = kit.generator.certificate(kit.scratch) if stage.tls else None
    with ExitStack() as stack:
        servers = []
        for candidate in candidates:
            if tls is not None and isinstance(candidate, Peer):
                continue  # It listens as it was started.
            servers.append(stack.enter_context(candidate.running(kit.scratch / f"{stage.name}-{candidate.name}", tls)))
        if stage.sizes:
            for server in servers:
                kit.corpus.push(server, stage.sizes)
        results = []
        for workload in stage.workloads:
            print(f"{workload.name} …", file=sys.stderr)
            results.append(run_rounds(workload, servers, kit.options.rounds))
        return results


def _unless_failed(
    name: str, measure: Callable[[], list[CurvePoint]], left_out: dict[str, str]
) -> list[CurvePoint] | None:
    """What `measure` gives; None, and a word in the report, where it failed: half an hour's figures are not lost."""
    try:
        return measure()
    except (LoadFailed, LoginRefused, StartFailed) as error:
        print(f"{name}: failed: {error}", file=sys.stderr)
        left_out[name] = f"failed: {error}"
        return None


def _curve(kit: Kit) -> list[CurvePoint]:
    options: Options = kit.options
    if options.quick or not options.wants("curve"):
        return []
    return measure_curve(kit.generator, kit.scratch, SIZES, rounds=_CURVE_ROUNDS, seconds=options.seconds)


def _grants(kit: Kit) -> list[CurvePoint]:
    if kit.options.quick or not kit.options.wants("grants"):
        return []
    return measure_grants(kit.generator, kit.scratch, GRANTS, rounds=_CURVE_ROUNDS)


def _write(report: Report) -> None:
    table = report.markdown()
    (OUTPUT / "results.json").write_text(json.dumps(report.document(), indent=1) + "\n")
    (OUTPUT / "results.md").write_text(table)
    (OUTPUT / "ratios.svg").write_text(chart.ratio_chart(report.results, DISTRIBUTION))
    if report.curve:
        (OUTPUT / "curve.svg").write_text(chart.curve_chart(report.curve))
    print(table)
    print(f"Written to {OUTPUT}/: results.json, results.md, ratios.svg{', curve.svg' if report.curve else ''}")


def _unwind(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
