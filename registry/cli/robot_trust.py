"""`registry robot trust`: the workloads that may act as a robot without a secret."""

from typing import Any, Final

import click

from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR
from registry.auth.workload_trust import ClaimPattern, WorkloadTrust
from registry.cli import output
from registry.cli.groups import Group
from registry.cli.options import ROBOT, Parsed, as_json, configured
from registry.cli.running import refusals, with_services
from registry.config import Resolved
from registry.config.issuer import IssuerUrl
from registry.services import workload_trusts
from registry.services.workload_trusts import Trusted

_ISSUER: Final[Parsed[IssuerUrl]] = Parsed("issuer", IssuerUrl.parse)
_CLAIM: Final[Parsed[ClaimPattern]] = Parsed("claim", ClaimPattern.parse)


@click.group("trust", cls=Group)
def command() -> None:
    """Say which jobs of CI systems, and other workloads, may act as a robot."""


@command.command("add")
@click.argument("robot", type=ROBOT)
@click.option("--issuer", type=_ISSUER, required=True, metavar="URL", help="Who signs the workload's tokens.")
@click.option("--audience", required=True, metavar="TEXT", help="For whom they have to be made: this registry.")
@click.option(
    "--claim",
    "claims",
    type=_CLAIM,
    required=True,
    multiple=True,
    metavar="NAME=VALUE",
    help="What they have to say; VALUE may end with :* or /*; may be repeated, and then all is needed.",
)
@as_json
@configured()
def add(
    resolved: Resolved,
    *,
    robot: AccountName,
    issuer: IssuerUrl,
    audience: str,
    claims: tuple[ClaimPattern, ...],
    json_output: bool,
) -> None:
    """Let a workload act as ROBOT: one with a token of this issuer, for this audience, with these claims."""
    with refusals():
        workload = WorkloadTrust.of(issuer, audience, claims)
    trusted = with_services(resolved.config, lambda services: workload_trusts.add(services, OPERATOR, robot, workload))
    if json_output:
        output.print_json({"robot": str(robot), **_as_json(trusted)})
    else:
        click.echo(f"{robot} trusts workload {trusted.number}")


@command.command("list")
@click.argument("robot", type=ROBOT)
@as_json
@configured()
def list_trusted(resolved: Resolved, robot: AccountName, json_output: bool) -> None:
    """List the workloads that may act as ROBOT, the oldest first."""
    found = with_services(resolved.config, lambda services: workload_trusts.listing(services, OPERATOR, robot))
    if json_output:
        output.print_json({"robot": str(robot), "workloads": [_as_json(each) for each in found]})
        return
    rows: list[list[object]] = [
        [each.number, each.workload.issuer, each.workload.audience, " ".join(map(str, each.workload.claims))]
        for each in found
    ]
    output.print_table(["WORKLOAD", "ISSUER", "AUDIENCE", "CLAIMS"], rows)


@command.command("rm")
@click.argument("robot", type=ROBOT)
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@as_json
@configured()
def remove(resolved: Resolved, *, robot: AccountName, number: int, json_output: bool) -> None:
    """Let the workload NUMBER act as ROBOT no more, at once."""
    with_services(resolved.config, lambda services: workload_trusts.remove(services, OPERATOR, robot, number))
    if json_output:
        output.print_json({"robot": str(robot), "removed": number})
    else:
        click.echo(f"{robot} trusts workload {number} no more")


def _as_json(trusted: Trusted) -> dict[str, Any]:
    workload = trusted.workload
    return {
        "number": trusted.number,
        "issuer": str(workload.issuer),
        "audience": workload.audience,
        "claims": {pattern.name: pattern.value for pattern in workload.claims},
        "created_at": trusted.created_at,
        "created_by": trusted.created_by,
    }
