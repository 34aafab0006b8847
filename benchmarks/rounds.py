"""Interleaved rounds: every server in turn, again and again, so that what else the machine does hits all alike.

Every other round goes backwards: what a server leaves to the one after it (a full disk cache, a warm processor) is then
not always left to the same one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.accounts import LoginRefused
from benchmarks.content import PushRefused
from benchmarks.generator import LoadFailed
from benchmarks.measure import measured
from benchmarks.results import Result
from benchmarks.servers import Server
from benchmarks.workloads.images import ClientFailed
from benchmarks.workloads.workload import Unsuitable, Workload

# With these a server is left out of the workload, and the report says why.
_FAILURES = (Unsuitable, LoadFailed, LoginRefused, PushRefused, ClientFailed, OSError, subprocess.TimeoutExpired)


def run_rounds(workload: Workload, servers: Sequence[Server], rounds: int) -> Result:
    """Run `workload` against each of `servers` in each of `rounds`, and give what was measured."""
    result = Result(workload.name, workload.unit)
    for server in servers:
        try:
            workload.prepare(server)
            workload.tidy(server)
            result.samples[server.name] = []
        except _FAILURES as error:
            result.failures[server.name] = _say(server, workload, error)
    for number in range(min(rounds, workload.most_rounds)):
        for server in servers if number % 2 == 0 else reversed(servers):
            if server.name not in result.failures:
                _run_once(workload, server, result)
    return result


def _run_once(workload: Workload, server: Server, result: Result) -> None:
    try:
        speed = workload.ready_disk()
        sample = measured(server.roots, lambda: workload.run(server))
        result.samples[server.name].append(replace(sample, disk=speed))
    except _FAILURES as error:
        del result.samples[server.name]
        result.failures[server.name] = _say(server, workload, error)
    finally:
        workload.tidy(server)


def _say(server: Server, workload: Workload, error: Exception) -> str:
    print(f"{workload.name}: {server.name} failed: {error}", file=sys.stderr)
    return str(error)
