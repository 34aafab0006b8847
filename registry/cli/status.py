"""`registry status`: nodes, jobs, queues, schema and storage."""

from typing import Any

import click

from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.options import as_json, configured
from registry.cli.running import with_services
from registry.config import Resolved
from registry.services import status
from registry.services.status import Status


@click.command("status")
@as_json
@configured()
def command(resolved: Resolved, json_output: bool) -> None:
    """Show nodes, jobs, queues, the schema's revision and what is stored."""
    found = with_services(resolved.config, lambda services: status.of(services, OPERATOR))
    if json_output:
        output.print_json(_document(found))
    else:
        output.print_table(["PART", "NAME", "STATE", "SINCE, UNTIL", "DETAIL"], _rows(found))


def _rows(found: Status) -> list[list[object]]:
    revision = "current" if found.schema_revision == found.program_revision else f"program: {found.program_revision}"
    rows: list[list[object]] = [
        ["registry", found.installation, found.version, None, None],
        ["schema", found.schema_revision, revision, None, None],
    ]
    for each in found.nodes:
        workers = output.counted(each.node.workers, "worker")
        detail = f"{each.node.version}, {workers}, {each.node.url or 'no address'}"
        rows.append(["node", each.node.host, "alive" if each.is_alive else "not seen", each.node.seen_at, detail])
    rows += [["job", each.name, "owned" if each.owner else "free", each.until, each.owner] for each in found.jobs]
    changes, storage = found.unwritten_changes, found.storage
    rows += [
        ["queue", "changes to write behind", changes.waiting, changes.oldest, None],
        ["queue", "uploads under way", found.uploads, None, None],
        ["storage", output.counted(storage.blobs, "blob"), output.size(storage.size), None, None],
    ]
    return rows


def _document(found: Status) -> dict[str, Any]:
    return {
        "version": found.version,
        "installation": found.installation,
        "schema": {"revision": found.schema_revision, "program_revision": found.program_revision},
        "nodes": [
            {
                "name": each.node.name,
                "host": each.node.host,
                "version": each.node.version,
                "advertise_url": each.node.url,
                "workers": each.node.workers,
                "started_at": each.node.started_at,
                "seen_at": each.node.seen_at,
                "is_alive": each.is_alive,
            }
            for each in found.nodes
        ],
        "jobs": [{"name": each.name, "owner": each.owner, "until": each.until} for each in found.jobs],
        "queues": {
            "unwritten_changes": found.unwritten_changes.waiting,
            "oldest_unwritten_change": found.unwritten_changes.oldest,
            "uploads": found.uploads,
        },
        "storage": {"blobs": found.storage.blobs, "bytes": found.storage.size},
    }
