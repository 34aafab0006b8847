"""`registry doctor`: look for what is wrong with a deployment."""

import asyncio

import click

from registry.cli import output
from registry.cli.options import as_json, configured
from registry.cli.running import refusals
from registry.config import Resolved
from registry.services.doctor import Finding, Verdict

_DONE, _PROBLEMS = 0, 1


@click.command("doctor")
@as_json
@configured()
def command(resolved: Resolved, json_output: bool) -> int:
    """Look for what is wrong with clocks, rights, database and storage, and say what to do about it.

    It writes to the database and the storage, and takes back what it wrote; the registry may run meanwhile. Exit code 1
    when there is a problem.
    """
    from registry.app.examination import examine

    with refusals():
        findings = asyncio.run(examine(resolved.config))
    if json_output:
        output.print_json({"findings": [_document(each) for each in findings]})
    else:
        output.print_table(["CHECK", "VERDICT", "FOUND", "REMEDY"], [_row(each) for each in findings])
    return _PROBLEMS if any(each.verdict is Verdict.PROBLEM for each in findings) else _DONE


def _row(finding: Finding) -> list[object]:
    return [finding.check, finding.verdict, finding.told, finding.remedy or None]


def _document(finding: Finding) -> dict[str, str]:
    return {"check": finding.check, "verdict": finding.verdict, "found": finding.told, "remedy": finding.remedy}
