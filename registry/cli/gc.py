"""`registry gc`: remove what nothing names or needs, and compare the database with the storage."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from registry.cli import output
from registry.cli.options import as_json, configured
from registry.cli.progress import live_progress
from registry.cli.running import with_services
from registry.config import Config, Resolved
from registry.jobs import index_objects
from registry.services import garbage_collection, reconciliation
from registry.services.context import Services
from registry.services.garbage_report import GarbageItem, GarbageKind, GarbageReport, Reason
from registry.services.progress import Watcher
from registry.services.reconciliation import DamagedBlob
from storage_backends.contract import StoredObject

T = TypeVar("T")

_DONE, _DAMAGED = 0, 1

_REASONS: Final = {
    Reason.UNTAGGED: "no tag names it, and no index lists it",
    Reason.PARENTS_GOING: "only indexes that go list it",
    Reason.SUBJECT_MISSING: "its subject is not in the repository",
    Reason.SUBJECT_GOING: "its subject goes",
    Reason.UNREFERENCED: "no manifest of the repository refers to it",
    Reason.MANIFESTS_GOING: "only manifests that go refer to it",
    Reason.UNLINKED: "no repository holds it",
    Reason.LINKS_GOING: "only repositories that lose it held it",
}


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Remove nothing; list what would be removed and why.")
@click.option("--reconcile", is_flag=True, help="Compare database and storage instead, and list what does not match.")
@click.option("--remove-strays", is_flag=True, help="With --reconcile: remove stored objects that no row names.")
@as_json
@configured()
def command(resolved: Resolved, *, dry_run: bool, reconcile: bool, remove_strays: bool, json_output: bool) -> int:
    """Remove content that nothing names or needs any more.

    The registry does so by itself every gc.interval_s, beside pushes and pulls; this command does it now, and when it
    ends, the bytes are gone. With --reconcile, exit code 1 when blobs are damaged.
    """
    if remove_strays and not reconcile:
        raise click.UsageError("--remove-strays goes with --reconcile")
    if dry_run and reconcile:
        raise click.UsageError("--reconcile removes nothing by itself, and does not go with --dry-run")
    if reconcile:
        found = _watched(resolved.config, _compare_and_remove if remove_strays else _compare)
        _print_mismatches(found, json_output)
        return _DAMAGED if found.damaged else _DONE
    swept = _watched(resolved.config, _survey if dry_run else _collect)
    _print_sweep(swept, resolved.config.gc.grace_s, json_output=json_output)
    return _DONE


def _watched(config: Config, work: Callable[[Services, Watcher], Awaitable[T]]) -> T:
    with live_progress() as progress:
        return with_services(config, lambda services: work(services, progress))


@dataclass(frozen=True, slots=True)
class _Sweep:
    dry_run: bool
    report: GarbageReport
    items: list[GarbageItem]


@dataclass(frozen=True, slots=True)
class _Mismatches:
    removed: bool
    strays: list[StoredObject]
    damaged: list[DamagedBlob]


async def _collect(services: Services, progress: Watcher) -> _Sweep:
    items: list[GarbageItem] = []
    report = await garbage_collection.collect(services, told=items.append, progress=progress)
    await index_objects.catch_up(services)
    return _Sweep(False, report, items)


async def _survey(services: Services, progress: Watcher) -> _Sweep:
    items: list[GarbageItem] = []
    report = await garbage_collection.survey(services, told=items.append, progress=progress)
    return _Sweep(True, report, items)


async def _compare(services: Services, progress: Watcher) -> _Mismatches:
    # Bytes whose row was just removed are no strays: they are on their way out.
    await index_objects.catch_up(services)
    strays = [stray async for stray in reconciliation.strays(services, progress=progress)]
    damaged = [blob async for blob in reconciliation.damaged(services, progress=progress)]
    return _Mismatches(False, strays, damaged)


async def _compare_and_remove(services: Services, progress: Watcher) -> _Mismatches:
    await index_objects.catch_up(services)
    strays = [stray async for stray in reconciliation.remove_strays(services, progress=progress)]
    damaged = [blob async for blob in reconciliation.damaged(services, progress=progress)]
    return _Mismatches(True, strays, damaged)


def _print_sweep(sweep: _Sweep, grace_s: int, *, json_output: bool) -> None:
    if json_output:
        output.print_json(_sweep_as_json(sweep))
        return
    if sweep.dry_run:
        rows: list[list[object]] = [
            [item.kind, item.repository, item.digest, output.size(item.size), _REASONS[item.reason]]
            for item in sweep.items
        ]
        output.print_table(["KIND", "REPOSITORY", "DIGEST", "SIZE", "WHY"], rows)
    else:
        rows = [
            [kind, total.count, output.size(total.size), _REASONS[reason]]
            for kind, reason, total in sweep.report.rows()
        ]
        output.print_table(["KIND", "COUNT", "SIZE", "WHY"], rows)
    counts = ", ".join(output.counted(sweep.report.total(kind).count, kind) for kind in GarbageKind)
    freed = output.size(sweep.report.total(GarbageKind.BLOB).size)
    told = f"would remove {counts}: {freed} to free" if sweep.dry_run else f"removed {counts}: {freed} freed"
    click.echo(told, err=True)
    if not sweep.report.total(GarbageKind.BLOB).count:
        # Who has just deleted something wonders where the space is.
        click.echo(f"what was pushed, asked for or let go in the last {grace_s} s is kept (gc.grace_s)", err=True)


def _print_mismatches(found: _Mismatches, json_output: bool) -> None:
    if json_output:
        output.print_json(_mismatches_as_json(found))
        return
    rows: list[list[object]] = [
        ["removed" if found.removed else "stray", stray.key, output.size(stray.size), "no blob has these bytes"]
        for stray in found.strays
    ]
    rows += [["damaged", blob.key, output.size(blob.size), _damage(blob)] for blob in found.damaged]
    output.print_table(["WHAT", "KEY", "SIZE", "WHY"], rows)
    click.echo(
        f"{output.counted(len(found.strays), 'stray object')}, {output.counted(len(found.damaged), 'damaged blob')}",
        err=True,
    )


def _damage(blob: DamagedBlob) -> str:
    state = "its bytes are gone" if blob.found is None else f"{output.size(blob.found)} are stored"
    holders = ", ".join(map(str, blob.repositories)) or "no repository"
    return f"{state}; linked by {holders}"


def _sweep_as_json(sweep: _Sweep) -> dict[str, Any]:
    totals = {kind: sweep.report.total(kind) for kind in GarbageKind}
    return {
        "dry_run": sweep.dry_run,
        "totals": {str(kind): {"count": total.count, "size": total.size} for kind, total in totals.items()},
        "reasons": [
            {"kind": kind, "reason": reason, "count": total.count, "size": total.size}
            for kind, reason, total in sweep.report.rows()
        ],
        "garbage": [
            {
                "kind": item.kind,
                "reason": item.reason,
                "repository": item.repository,
                "digest": item.digest,
                "size": item.size,
            }
            for item in sweep.items
        ],
    }


def _mismatches_as_json(found: _Mismatches) -> dict[str, Any]:
    return {
        "removed": found.removed,
        "strays": [{"key": stray.key, "size": stray.size} for stray in found.strays],
        "damaged": [
            {
                "digest": blob.digest,
                "key": blob.key,
                "size": blob.size,
                "found": blob.found,
                "repositories": blob.repositories,
            }
            for blob in found.damaged
        ],
    }
