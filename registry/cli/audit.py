"""`registry audit`: who did what, and the proof that nothing of it was altered."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from registry.cli import output
from registry.cli.groups import Group
from registry.cli.options import MOMENT, as_json, configured
from registry.cli.running import with_services
from registry.config import Resolved
from registry.metadata.audit_values import AuditRow, AuditSearch, ChainPoint
from registry.services import audit
from registry.services.audit import Verification
from registry.services.context import Services

T = TypeVar("T")

_PROVED, _BROKEN = 0, 1
_FILTERS: Final = (
    click.option("--actor", metavar="ACTOR", help="Only what ACTOR did, such as user:alice."),
    click.option("--target", metavar="NAME", help="Only what was done to this repository or account."),
    click.option("--action", metavar="ACTION", help="Only this action, such as tag.moved."),
    click.option(
        "--outcome", type=click.Choice([each.value for each in audit.Outcome]), help="Only what came to this end."
    ),
    click.option("--since", type=MOMENT, metavar="DATE", help="Only entries from DATE on."),
    click.option("--until", type=MOMENT, metavar="DATE", help="Only entries before DATE."),
)


def filtered(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command the options that become its `AuditSearch`."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group("audit", cls=Group)
def command() -> None:
    """Show, export and verify the audit log."""


@command.command("list")
@filtered
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most entries to show.")
@as_json
@configured()
def list_entries(resolved: Resolved, *, limit: int, json_output: bool, **filters: Any) -> None:
    """List entries of the audit log, newest first."""
    search = AuditSearch(**filters)
    found = with_services(resolved.config, lambda services: audit.page(services, search, None, limit))
    if json_output:
        output.print_json({"entries": [as_document(row) for row in found]})
    else:
        output.print_table(
            ["ID", "TIME", "ACTOR", "CREDENTIAL", "ACTION", "TARGET", "OUTCOME", "ADDRESS", "DETAIL"],
            [_cells(row) for row in found],
        )


@command.command("export")
@filtered
@configured()
def export(resolved: Resolved, **filters: Any) -> None:
    """Write entries of the audit log as lines of JSON, oldest first."""
    with_services(resolved.config, lambda services: _export(services, AuditSearch(**filters)))


@command.command("verify")
@as_json
@configured()
def verify(resolved: Resolved, *, json_output: bool) -> int:
    """Follow the chain of the audit log; exit code 1 when an entry is altered, missing or in another place."""
    found = with_services(resolved.config, audit.verify)
    if json_output:
        output.print_json(_verified_as_json(found))
    else:
        for fault in found.faults:
            click.echo(f"{fault.entry}\t{fault.reason}")
        click.echo(_summary(found))
    return _BROKEN if found.faults else _PROVED


def as_document(row: AuditRow) -> dict[str, Any]:
    """An entry for programs, with all that its hash is made of."""
    entry = row.entry
    return {
        "id": row.id,
        "at": entry.at,
        "actor": entry.actor,
        "credential": entry.credential,
        "address": entry.address,
        "request_id": entry.request_id,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
        "detail": entry.detail,
        "previous": row.previous.hex(),
        "hash": row.hash.hex(),
    }


async def _export(services: Services, search: AuditSearch) -> None:
    async for row in audit.export(services, search):
        click.echo(json.dumps(as_document(row), default=datetime.isoformat))


def _cells(row: AuditRow) -> list[object]:
    entry = row.entry
    who = [entry.at, entry.actor, entry.credential]
    return [row.id, *who, entry.action, entry.target, entry.outcome, entry.address, entry.detail]


def _verified_as_json(found: Verification) -> dict[str, Any]:
    return {
        "entries": found.entries,
        "start": _point_as_json(found.start),
        "head": _point_as_json(found.head),
        "faults": [{"entry": fault.entry, "reason": fault.reason} for fault in found.faults],
    }


def _point_as_json(point: ChainPoint) -> dict[str, Any]:
    return {"id": point.entry, "hash": point.hash.hex()}


def _summary(found: Verification) -> str:
    head = found.head
    return f"entries: {found.entries}, faults: {len(found.faults)}, the last entry: {head.entry} {head.hash.hex()}"
