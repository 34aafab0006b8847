"""`make bench-s3`: Moorage beside distribution, both with their bytes in the same S3 server, in one run."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.content import MIB, Corpus, PushRefused
from benchmarks.generator import Generator, LoadFailed
from benchmarks.machine import describe_machine
from benchmarks.options import OptionInvalid, read_options
from benchmarks.report import Report
from benchmarks.results import Result
from benchmarks.rounds import run_rounds
from benchmarks.s3.candidates import DistributionOnS3, MoorageOnS3
from benchmarks.s3.counting import Asked, counting
from benchmarks.s3.store import Store, running_store
from benchmarks.s3.workloads import Stage, make_stages, push_counted
from benchmarks.servers import DISTRIBUTION, MOORAGE, StartedCandidate, StartFailed
from benchmarks.toolchain import ToolchainMissing, build_distribution, build_load
from benchmarks.workloads.workload import Kit, size_name

OUTPUT = Path("build/bench-s3")
_COUNTED_SIZE = 100 * MIB

_MAKES = (MOORAGE, DISTRIBUTION)


def main() -> int:
    """Measure and report; the exit status is 1 where Moorage failed in a workload, 2 where nothing could be done."""
    try:
        options = read_options(os.environ)
        generator = Generator(build_load())
        build_distribution()
        OUTPUT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=OUTPUT, prefix="scratch.") as scratch:
            kit = Kit(generator, Corpus(), options, Path(scratch).resolve())
            with running_store(kit.scratch) as store:
                return _measure(kit, store)
    except (OptionInvalid, ToolchainMissing, StartFailed, PushRefused, LoadFailed) as error:
        print(f"bench-s3: {error}", file=sys.stderr)
        return 2


def _measure(kit: Kit, store: Store) -> int:
    began = time.monotonic()
    results = [result for stage in make_stages(kit) for result in _run_stage(kit, store, stage)]
    asked = {name: _count(kit, store, name) for name in _MAKES}
    report = Report(
        machine=describe_machine(OUTPUT), results=results, part=kit.options.part, seconds=time.monotonic() - began
    )
    text = f"{report.markdown()}\n{_table(asked)}"
    (OUTPUT / "results.md").write_text(text)
    document = report.document() | {"asked": {name: _as_json(each) for name, each in asked.items()}}
    (OUTPUT / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    print(text)
    return 1 if any(MOORAGE in result.failures for result in results) else 0


def _run_stage(kit: Kit, store: Store, stage: Stage) -> list[Result]:
    with ExitStack() as stack:
        servers = []
        for name in _MAKES:
            candidate = _make(name, store, redirect=stage.redirect)
            servers.append(stack.enter_context(candidate.running(kit.scratch / f"{stage.name}-{name}")))
        for server in servers:
            if stage.sizes:
                kit.corpus.push(server, stage.sizes)
        results = []
        for workload in stage.workloads:
            print(f"{workload.name} …", file=sys.stderr)
            results.append(run_rounds(workload, servers, kit.options.rounds))
        return results


def _count(kit: Kit, store: Store, name: str) -> Asked:
    """What S3 is asked for while one blob is pushed; not timed, for the counting takes longer than the push."""
    with counting(store) as (endpoint, asked):
        candidate = _make(name, store, redirect=False, endpoint=endpoint)
        with candidate.running(kit.scratch / f"counted-{name}") as server:
            asked.clear()
            push_counted(kit, server, _COUNTED_SIZE)
            return asked.copy()


def _make(name: str, store: Store, *, redirect: bool, endpoint: str | None = None) -> StartedCandidate:
    if name == MOORAGE:
        return MoorageOnS3(store, redirect=redirect, endpoint=endpoint)
    return DistributionOnS3(build_distribution(), store, redirect=redirect, endpoint=endpoint)


def _table(asked: Mapping[str, Asked]) -> str:
    lines = [
        f"For one blob of {size_name(_COUNTED_SIZE)}, pushed by POST, PATCH and PUT:",
        "",
        "| | requests to S3 | bytes sent per byte pushed | bytes copied by S3 per byte pushed |",
        "|---|---:|---:|---:|",
    ]
    for name, each in asked.items():
        kinds = ", ".join(f"{count} {method}" for method, count in sorted(each.requests.items()))
        sent, copied = each.sent / _COUNTED_SIZE, each.copied / _COUNTED_SIZE
        lines.append(f"| {name} | {sum(each.requests.values())} ({kinds}) | {sent:.3f} | {copied:.3f} |")
    return "\n".join(lines) + "\n"


def _as_json(asked: Asked) -> dict[str, Any]:
    return {"requests": asked.requests, "sent": asked.sent, "copied": asked.copied, "pushed": _COUNTED_SIZE}


if __name__ == "__main__":
    sys.exit(main())
