"""`registry verify`: read stored bytes again and see whether they still have their digests."""

from datetime import datetime
from typing import Any

import click

from registry import limits
from registry.cli import output
from registry.cli.options import MOMENT, as_json, configured
from registry.cli.progress import live_progress
from registry.cli.running import with_services
from registry.config import Resolved
from registry.services import verification
from registry.services.context import Services
from registry.services.progress import Watcher
from registry.services.verification import FaultyBlob, Selection, Verified

_DONE, _FAULTS = 0, 1


@click.command("verify")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Read only N blobs, chosen by chance.")
@click.option("--not-since", type=MOMENT, metavar="DATE", help="Read only what was not verified since DATE.")
@click.option(
    "--rate-mib", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Read at most N MiB a second."
)
@as_json
@configured()
def command(
    resolved: Resolved, *, sample: int | None, not_since: datetime | None, rate_mib: float | None, json_output: bool
) -> int:
    """Read stored blobs again and compare them with their digests.

    What is corrupt is quarantined: clients are told that it is not here, so that they push it again, which heals it.
    The registry may run meanwhile. Exit code 1 when anything is at fault.
    """
    selection = Selection(not_since, sample)
    rate = rate_mib * limits.MIB if rate_mib is not None else None
    faulty: list[FaultyBlob] = []
    with live_progress() as progress:
        verified = with_services(
            resolved.config, lambda services: _verify(services, selection, rate, faulty, progress=progress)
        )
    if json_output:
        output.print_json(_as_json(verified, faulty))
    else:
        rows: list[list[object]] = [
            [blob.fault, blob.digest, output.size(blob.size), _dependents(blob)] for blob in faulty
        ]
        if rows:
            output.print_table(["FAULT", "DIGEST", "SIZE", "NEEDED BY"], rows)
        click.echo(_told(verified), err=True)
    return _FAULTS if faulty else _DONE


async def _verify(
    services: Services,
    selection: Selection,
    rate: float | None,
    faulty: list[FaultyBlob],
    *,
    progress: Watcher,
) -> Verified:
    return await verification.verify(services, selection, rate=rate, told=faulty.append, progress=progress)


def _told(verified: Verified) -> str:
    return (
        f"verified {output.counted(verified.blobs, 'blob')}, {output.size(verified.size)}; {verified.faulty} at fault"
    )


def _dependents(blob: FaultyBlob) -> str:
    """Such as `team/app:1, team/app:2, other`."""
    names = [
        text for name, tags in blob.dependents.items() for text in ([f"{name}:{tag}" for tag in tags] or [str(name)])
    ]
    return ", ".join(names) or "no repository"


def _as_json(verified: Verified, faulty: list[FaultyBlob]) -> dict[str, Any]:
    return {
        "blobs": verified.blobs,
        "size": verified.size,
        "faulty": [
            {
                "digest": blob.digest,
                "key": blob.key,
                "size": blob.size,
                "fault": blob.fault,
                "repositories": [{"name": name, "tags": tags} for name, tags in blob.dependents.items()],
            }
            for blob in faulty
        ],
    }
