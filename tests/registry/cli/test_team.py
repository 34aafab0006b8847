"""Commands about teams, on a real database that no server has open."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.registry.cli.running import Ended, Run


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path) -> Run:
    """Run a command on a registry that has the organisation `team` and its robot `team+ci`."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")

    def run_there(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        return run(*arguments, "--data", str(tmp_path), environment=environment)

    assert run_there("org", "create", "team").code == 0
    assert run_there("robot", "create", "team+ci").code == 0
    return run_there


def test_a_team_is_made_filled_shown_and_removed(registry: Run) -> None:
    assert registry("team", "create", "team/builders").out == "team team/builders is made\n"
    assert registry("team", "member", "add", "team/builders", "team+ci").out == "team+ci is in team/builders\n"

    listed = json.loads(registry("team", "list", "team", "--json").out)
    shown = json.loads(registry("team", "show", "team/builders", "--json").out)

    assert [each["name"] for each in listed["teams"]] == ["team/builders"]
    assert shown == {"name": "team/builders", "members": ["team+ci"]}
    assert registry("team", "show", "team/builders").out == "team+ci\n"
    assert registry("team", "list", "team").out.startswith("team/builders\t")
    assert registry("team", "member", "rm", "team/builders", "team+ci").out == "team+ci is not in team/builders\n"
    assert registry("team", "rm", "team/builders").code == 2
    assert registry("team", "rm", "team/builders", "--yes").out == "team team/builders is removed\n"
    assert registry("team", "show", "team/builders").err == "registry: there is no team team/builders\n"


@pytest.mark.parametrize("wrong", [("create", "builders"), ("create", "team/a/b"), ("show", "@team/builders")])
def test_a_team_is_named_with_its_organisation(registry: Run, wrong: tuple[str, str]) -> None:
    assert registry("team", *wrong).code == 2


def test_organisations_are_listed_with_what_is_in_them(registry: Run) -> None:
    registry("org", "create", "other")
    registry("team", "create", "team/builders")

    listed = json.loads(registry("org", "list", "--json").out)["organisations"]

    assert [(each["name"], each["teams"], each["members"]) for each in listed] == [("other", 0, 0), ("team", 1, 0)]
    assert [line.split("\t")[0] for line in registry("org", "list").out.splitlines()] == ["other", "team"]
