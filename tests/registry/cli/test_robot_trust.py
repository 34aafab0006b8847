"""Commands about the workloads that robots trust, on a real database that no server has open."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.registry.cli.running import Ended, Run

ISSUER, CLAIM = "https://token.actions.githubusercontent.com", "sub=repo:team/app:ref:refs/heads/main"
ADD = ("robot", "trust", "add", "team+ci", "--issuer", ISSUER, "--audience", "registry", "--claim")


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path) -> Run:
    """Run a command on a registry that has the robot `team+ci`."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")

    def run_there(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        return run(*arguments, "--data", str(tmp_path), environment=environment)

    assert run_there("org", "create", "team").code == 0
    assert run_there("robot", "create", "team+ci", "--no-token").code == 0
    return run_there


def test_a_workload_is_trusted_listed_and_trusted_no_more(registry: Run) -> None:
    added = registry(*ADD, CLAIM, "--claim", "environment=production")

    assert (added.out, added.err) == ("team+ci trusts workload 1\n", "")
    [row] = registry("robot", "trust", "list", "team+ci").out.splitlines()
    assert row == f"1\t{ISSUER}\tregistry\tenvironment=production {CLAIM}"
    [listed] = json.loads(registry("robot", "trust", "list", "team+ci", "--json").out)["workloads"]
    assert (listed["number"], listed["issuer"], listed["audience"]) == (1, ISSUER, "registry")
    assert listed["claims"] == {"environment": "production", "sub": CLAIM.removeprefix("sub=")}

    assert registry("robot", "trust", "rm", "team+ci", "1").out == "team+ci trusts workload 1 no more\n"
    assert registry("robot", "trust", "list", "team+ci").out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((*ADD, "sub=repo:team/app*"), 2, "a star may stand at the end only"),
        ((*ADD, "sub=:*"), 2, "may be anything"),
        ((*ADD, CLAIM, "--claim", CLAIM), 1, "compared once"),
        (ADD[:-1], 2, "--claim"),
        (("robot", "trust", "add", "team+ci", "--issuer", "http://a.example", "--claim", CLAIM), 2, "https://"),
        (("robot", "trust", "rm", "team+ci", "7"), 1, "team+ci trusts no workload 7"),
        (("robot", "trust", "list", "team+nobody"), 1, "there is no account team+nobody"),
        (("robot", "trust", "list", "team"), 2, "team"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_trusted_is_told_in_one_line(
    registry: Run, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended = registry(*arguments)

    assert (ended.code, ended.out) == (code, "")
    [line] = ended.err.splitlines()
    assert says in line
