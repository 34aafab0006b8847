"""`make bench-runner`: measure our engine beside docker, podman and runc, in one run.

It runs in network and mount namespaces of its own, so that no bridge or rule of an engine is the machine's, and nothing
that an engine leaves behind stays.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.content import PushRefused
from benchmarks.engines import workloads
from benchmarks.engines.engines import OURS, Engine, EngineFailed, all_engines
from benchmarks.engines.images import BUSYBOX, COMPRESSIONS, REPOSITORY, load_busybox, push_large_image
from benchmarks.engines.report import as_document, as_markdown, judge
from benchmarks.engines.workloads import Measured
from benchmarks.machine import describe_machine, load_average
from benchmarks.servers import Moorage, StartFailed

OUTPUT = Path("build/bench-runner")
_INSIDE = "MOORAGE_BENCH_INSIDE"
_BUSY = 0.5


def main() -> int:
    """Measure and report; the exit status is 1 where our engine failed or missed a goal, 2 where nothing was done."""
    if os.geteuid() != 0 or not BUSYBOX.exists():
        print("bench-runner: needs root's rights, and busybox (Debian: busybox-static)", file=sys.stderr)
        return 2
    if _INSIDE not in os.environ:
        return _in_namespaces()
    if load_average() > _BUSY:
        print(f"The machine is busy (load {load_average():.1f}): figures will be rough.", file=sys.stderr)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        # Sockets' names must be short.
        with (
            tempfile.TemporaryDirectory(prefix="moorage-bench-", ignore_cleanup_errors=True) as scratch,
            all_engines(Path(scratch)) as engines,
        ):
            return _report(_measure(engines, Path(scratch), quick=bool(os.environ.get("QUICK"))), engines)
    except (EngineFailed, PushRefused, StartFailed) as error:
        print(f"bench-runner: {error}", file=sys.stderr)
        return 2


def _in_namespaces() -> int:
    begin = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", 'ip link set lo up && exec "$@"']
    command = [*begin, "sh", sys.executable, "-m", "benchmarks.engines.main"]
    return subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False).returncode


def _measure(engines: list[Engine], scratch: Path, *, quick: bool) -> list[Measured]:
    load_busybox(engines, scratch)
    bundle = _bundle(scratch) if shutil.which("runc") else None
    rounds, pulls, number = (5, 1, 20) if quick else (20, 3, 100)
    results = []

    def add(measured: Measured) -> None:
        print(f"{measured.name}: done", file=sys.stderr)
        results.append(measured)

    add(workloads.measure_starts(engines, "none", rounds, runc=bundle))
    add(workloads.measure_starts(engines, "bridge", rounds))
    add(workloads.measure_exec(engines, rounds))
    add(workloads.measure_memory(engines))
    add(workloads.measure_parallel_starts(engines, number))
    with Moorage().running(scratch / "registry") as registry:
        for compression in COMPRESSIONS:
            size = push_large_image(registry, compression, files=40 if quick else 400)
            name = f"{registry.address}/{REPOSITORY}:{compression}"
            add(workloads.measure_pulls(engines, name, f"{size / 1e6:.0f} MB of {compression}", pulls))
    return results


def _report(results: list[Measured], engines: list[Engine]) -> int:
    machine = describe_machine(OUTPUT)
    versions = {engine.name: _version(engine) for engine in engines if engine.name != OURS}
    part = "QUICK=1" if os.environ.get("QUICK") else ""
    text = as_markdown(results, machine, versions)
    print(text)
    (OUTPUT / "results.md").write_text(text)
    (OUTPUT / "results.json").write_text(json.dumps(as_document(results, machine, versions, part), indent=1))
    missed = [verdict for verdict in judge(results) if not verdict.met]
    return 1 if missed or any(OURS in result.failures for result in results) else 0


def _version(engine: Engine) -> str:
    template = "{{.Server.Version}}" if engine.name == "docker" else "{{.Client.Version}}"
    return engine("version", "--format", template).strip()


def _bundle(scratch: Path) -> Path:
    """What runc itself suggests, for the root file system of the image."""
    bundle = scratch / "bundle"
    bundle.mkdir()
    subprocess.run(["runc", "spec", "--bundle", bundle], check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["root"]["path"] = str(scratch / "rootfs")
    config["process"].update({"args": ["true"], "terminal": False, "env": ["PATH=/bin"]})
    # The right to raise limits is not everybody's.
    config["process"].pop("rlimits", None)
    (bundle / "config.json").write_text(json.dumps(config))
    return bundle


if __name__ == "__main__":
    sys.exit(main())
