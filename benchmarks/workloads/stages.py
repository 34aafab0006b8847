"""Which workloads there are, in stages: each has servers of its own, started on empty data and filled first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.content import GIB, KIB, MIB
from benchmarks.workloads import images
from benchmarks.workloads.images import SkopeoPull, SkopeoPush
from benchmarks.workloads.requests import (
    Downloads,
    FreshConnections,
    Requests,
    TagLists,
    blob_heads,
    found_anew,
    manifest_requests,
)
from benchmarks.workloads.uploads import CHUNKED, LENGTH, Uploads
from benchmarks.workloads.workload import Kit, Workload

_DOWNLOAD_SIZES = (KIB, MIB, 100 * MIB)
_UPLOAD_SIZES = (MIB, 100 * MIB, GIB)
_TAGS = 10_000
_TAGS_QUICK = 1_000


@dataclass(frozen=True, slots=True)
class Stage:
    """Workloads that share servers; with `tls` these speak HTTPS. `sizes` are those of the blobs that they hold."""

    name: str
    workloads: tuple[Workload, ...]
    sizes: tuple[int, ...] = ()
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """All stages, and what cannot be measured on this machine: the workload's name, and why."""

    stages: tuple[Stage, ...]
    left_out: dict[str, str]


def make_program(kit: Kit) -> Program:
    """What is to be measured by the options of `kit`."""
    left_out: dict[str, str] = {}
    stages = (
        Stage("reading", _wanted(kit, _reading(kit)), _DOWNLOAD_SIZES),
        Stage("writing", _wanted(kit, _writing(kit, left_out))),
        Stage("images", _wanted(kit, _images(kit, left_out))),
        Stage("tls", _wanted(kit, _secured(kit)), (MIB, 100 * MIB), tls=True),
    )
    wanted_out = {name: reason for name, reason in left_out.items() if kit.options.wants(name)}
    return Program(tuple(stage for stage in stages if stage.workloads), wanted_out)


def _wanted(kit: Kit, workloads: Iterable[Workload]) -> tuple[Workload, ...]:
    return tuple(workload for workload in workloads if kit.options.wants(workload.name))


def _reading(kit: Kit) -> list[Workload]:
    workloads: list[Workload] = []
    for connections in (8,) if kit.options.quick else (1, 8, 64):
        for method in ("GET", "HEAD"):
            for reference in ("tag", "digest"):
                requests = manifest_requests(kit, method, reference)
                workloads.append(Requests(kit, f"manifest {method} by {reference}", requests, connections))
        workloads.append(Requests(kit, "blob HEAD", blob_heads(kit), connections))
        workloads += [Downloads(kit, "blob GET", size, connections) for size in _DOWNLOAD_SIZES]
    if kit.options.quick:
        return [*workloads, TagLists(kit, _TAGS_QUICK, 8)]
    anew = found_anew(manifest_requests(kit, "GET", "tag"))
    return [
        *workloads,
        Requests(kit, "manifest GET by tag, found anew", anew, 8),
        Requests(kit, "blob HEAD, found anew", found_anew(blob_heads(kit)), 8),
        TagLists(kit, _TAGS, 1),
        TagLists(kit, _TAGS, 8),
    ]


def _writing(kit: Kit, left_out: dict[str, str]) -> list[Workload]:
    if kit.options.quick:
        return [
            Uploads(kit, MIB, LENGTH, 8),
            Uploads(kit, 100 * MIB, LENGTH, 8),
            Uploads(kit, 100 * MIB, CHUNKED, 8),
        ]
    workloads: list[Workload] = []
    for size in _UPLOAD_SIZES:
        for encoding in (LENGTH, CHUNKED):
            for connections in (1, 8, 64):
                uploads = Uploads(kit, size, encoding, connections)
                if reason := uploads.obstacle():
                    left_out[uploads.name] = reason
                else:
                    workloads.append(uploads)
    return workloads


def _images(kit: Kit, left_out: dict[str, str]) -> list[Workload]:
    workloads: list[Workload] = [SkopeoPush(kit), SkopeoPull(kit)]
    if reason := images.obstacle():
        left_out.update({workload.name: reason for workload in workloads})
        return []
    return workloads


def _secured(kit: Kit) -> list[Workload]:
    by_tag = manifest_requests(kit, "GET", "tag")
    quick: list[Workload] = [
        Requests(kit, "TLS: manifest GET by tag", by_tag, 8),
        Downloads(kit, "TLS: blob GET", 100 * MIB, 8),
    ]
    if kit.options.quick:
        return quick
    return [
        *quick,
        FreshConnections(kit, "TLS: manifest GET by tag, a connection each", by_tag, 8),
        Downloads(kit, "TLS: blob GET", 100 * MIB, 1),
        Downloads(kit, "TLS: blob GET", MIB, 8),
    ]
