"""Commands about robots, on a real database that no server has open."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.registry.cli.running import Ended, Run


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path) -> Run:
    """Run a command on a registry that has the organisation `team`."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")

    def run_there(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        return run(*arguments, "--data", str(tmp_path), environment=environment)

    assert run_there("org", "create", "team").code == 0
    return run_there


def test_one_command_makes_a_robot_that_can_push(registry: Run) -> None:
    made = registry("robot", "create", "team+ci", "--repository", "team/*", "--role", "writer", "--expires", "90d")

    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("mrg_r_")
    shown = json.loads(registry("robot", "show", "team+ci", "--json").out)
    assert shown["roles"] == [{"repository": "team/*", "role": "writer"}]
    [token] = json.loads(registry("robot", "token", "list", "team+ci", "--json").out)["tokens"]
    assert (token["name"], token["expires_at"] is not None) == ("first", True)


def test_a_robot_may_be_made_without_a_token_or_a_role(registry: Run) -> None:
    made = registry("robot", "create", "team+ci", "--no-token")

    assert made.out == "team+ci is made\n"
    assert json.loads(registry("robot", "token", "list", "team+ci", "--json").out)["tokens"] == []
    document = json.loads(registry("robot", "create", "team+web", "--repository", "team/web", "--json").out)
    assert document["roles"] == [{"repository": "team/web", "role": "reader"}]
    assert document["token"]["token"].startswith("mrg_r_")


@pytest.mark.parametrize(
    "wrong",
    [
        ("create", "team"),
        ("create", "team+ci", "--role", "writer"),
        ("create", "team+ci", "--repository", "team/*", "--role", "owner"),
        ("create", "team+ci", "--no-token", "--expires", "1d"),
        ("create", "team+ci", "--expires", "0d"),
        ("show", "team"),
        ("rm", "team+ci"),
        ("token", "list", "team"),
        ("token", "rm", "team+ci", "0"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(registry: Run, wrong: tuple[str, ...]) -> None:
    assert registry("robot", *wrong).code == 2


def test_robots_are_listed_changed_and_removed(registry: Run) -> None:
    for name in ("team+web", "team+ci"):
        registry("robot", "create", name)
    registry("org", "create", "other")
    registry("robot", "create", "other+ci")

    assert registry("robot", "disable", "team+ci").out == "team+ci is disabled\n"
    assert [line.split("\t")[:2] for line in registry("robot", "list").out.splitlines()] == [
        ["other+ci", "live"],
        ["team+ci", "disabled"],
        ["team+web", "live"],
    ]
    assert registry("robot", "enable", "team+ci").out == "team+ci is enabled\n"
    listed = json.loads(registry("robot", "list", "team", "--json").out)["robots"]
    assert [(each["name"], each["is_disabled"]) for each in listed] == [("team+ci", False), ("team+web", False)]
    assert registry("robot", "rm", "team+ci", "--yes").out == "team+ci is removed\n"
    assert registry("robot", "show", "team+ci").err == "registry: there is no account team+ci\n"
    assert "there is no namespace nobodys" in registry("robot", "create", "nobodys+ci").err


def test_tokens_of_a_robot_are_made_and_revoked(registry: Run) -> None:
    registry("robot", "create", "team+ci", "--no-token")

    choices = ("--name", "pulling", "--allow", "pull", "--repository", "team/app")
    secret = registry("robot", "token", "create", "team+ci", *choices).out.strip()
    listed = registry("robot", "token", "list", "team+ci", "--json").out

    [token] = json.loads(listed)["tokens"]
    assert (token["actions"], token["repositories"]) == (["pull"], ["team/app"])
    assert secret.startswith("mrg_r_")
    assert secret not in listed
    number = str(token["id"])
    assert registry("robot", "token", "rm", "team+ci", number).out == f"token {number} of team+ci is revoked\n"
    assert "revoked" in registry("robot", "token", "list", "team+ci").out
    assert registry("robot", "token", "rm", "team+ci", number).code == 1
