"""How fast the load generator itself can go: the same work beside a server that does nothing but answer."""

from __future__ import annotations

import os
import sys

from benchmarks.content import KIB, MIB
from benchmarks.results import Result
from benchmarks.rounds import run_rounds
from benchmarks.servers import Server
from benchmarks.workloads.requests import Downloads, Requests, blob_heads, manifest_requests
from benchmarks.workloads.uploads import CHUNKED, LENGTH, Uploads
from benchmarks.workloads.workload import Kit, Workload

RESPONDER = "responder"

_ROUNDS = 3


def measure_ceilings(kit: Kit) -> list[Result]:
    """What the workloads of the same names could reach at most, each beside RESPONDER only."""
    results = []
    for size, workload in _workloads(kit):
        if kit.options.wants(workload.name):
            print(f"{workload.name}, the client alone …", file=sys.stderr)
            with kit.generator.responder(size, threads=len(os.sched_getaffinity(0))) as responder:
                server = Server(RESPONDER, responder.address, (responder.process,))
                results.append(run_rounds(workload, [server], 1 if kit.options.quick else _ROUNDS))
    return results


def _workloads(kit: Kit) -> list[tuple[int, Workload]]:
    """What to ask for, with the size of each answer."""
    manifest = len(kit.corpus.images[0].manifest)
    workloads: list[tuple[int, Workload]] = []
    for connections in (8,) if kit.options.quick else (1, 8, 64):
        by_tag = manifest_requests(kit, "GET", "tag")
        workloads += [
            (manifest, Requests(kit, "manifest GET by tag", by_tag, connections)),
            (manifest, Requests(kit, "blob HEAD", blob_heads(kit), connections)),
            (KIB, Downloads(kit, "blob GET", KIB, connections)),
        ]
    workloads += [(size, Downloads(kit, "blob GET", size, 8)) for size in (MIB, 100 * MIB)]
    workloads += [(0, Uploads(kit, MIB, LENGTH, 8))]
    workloads += [(0, Uploads(kit, 100 * MIB, encoding, 8)) for encoding in (LENGTH, CHUNKED)]
    return workloads
