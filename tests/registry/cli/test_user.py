"""Commands about people's accounts, on a real database that no server has open."""

import asyncio
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.app.assembly import open_services
from registry.auth.account_name import AccountName
from registry.auth.passwords import Passwords, StoredPassword
from registry.auth.subject import OPERATOR
from registry.config import load
from registry.metadata.account_rows import Account
from registry.services import accounts
from tests.registry.cli.running import Ended, Run

PASSWORD = "correct horse"


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on an empty registry, with a password on standard input."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")

    def run_there(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        return run(*arguments, "--data", str(tmp_path), environment=environment)

    return run_there


async def stored(data: Path, name: str) -> Account:
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        return await accounts.show(services, OPERATOR, AccountName.parse(name))


async def proves(account: Account, password: str) -> bool:
    passwords = Passwords()
    try:
        return await passwords.proves(StoredPassword(account.id, 1, account.password_hash or ""), password)
    finally:
        await passwords.close()


def test_a_password_is_read_from_standard_input_and_kept_as_a_hash(registry: Run, tmp_path: Path) -> None:
    ended = registry("user", "add", "alice", "--password-stdin", "--admin")

    assert (ended.code, ended.out, ended.err) == (0, "alice is added\n", "")
    account = asyncio.run(stored(tmp_path, "alice"))
    assert account.is_admin
    assert asyncio.run(proves(account, PASSWORD))


def test_without_a_terminal_a_password_is_not_asked_for(registry: Run) -> None:
    ended = registry("user", "add", "alice")

    assert ended.code == 2
    assert "--password-stdin" in ended.err


def test_a_password_is_no_argument(registry: Run) -> None:
    ended = registry("user", "add", "alice", PASSWORD)

    assert ended.code == 2
    assert ended.err.count("\n") == 1


def test_users_are_listed_shown_and_changed(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin", "--admin")
    registry("user", "add", "bob", "--password-stdin")
    assert registry("user", "passwd", "bob", "--password-stdin").out == "bob has a new password\n"
    assert registry("user", "promote", "bob").out == "bob is an administrator\n"
    assert registry("user", "demote", "bob").out == "bob is no administrator\n"
    assert registry("user", "disable", "bob").out == "bob is disabled\n"

    listed = json.loads(registry("user", "list", "--json").out)["users"]
    shown = json.loads(registry("user", "show", "bob", "--json").out)

    assert [each["name"] for each in listed] == ["alice", "bob"]
    assert listed[1] == shown
    assert (shown["is_disabled"], shown["created_by"]) == (True, "operator")
    assert registry("user", "enable", "bob").out == "bob is enabled\n"
    assert "user" in registry("user", "show", "bob").out


def test_removing_is_confirmed_and_the_last_administrator_stays(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin", "--admin")
    registry("user", "add", "bob", "--password-stdin")

    assert registry("user", "rm", "bob").code == 2
    assert json.loads(registry("user", "rm", "bob", "--yes", "--json").out) == {"name": "bob"}
    assert registry("user", "rm", "bob", "--yes").code == 1
    refused = registry("user", "rm", "alice", "--yes")

    assert (refused.code, refused.err) == (1, "registry: alice is the last administrator; make another one first\n")


def test_an_organisation_is_made_joined_and_removed(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin")

    assert registry("org", "create", "team").out == "organisation team is made\n"
    assert registry("org", "member", "add", "team", "alice", "--owner").out == "alice is an owner of team\n"
    shown = json.loads(registry("org", "show", "team", "--json").out)
    assert [(each["name"], each["is_owner"]) for each in shown["members"]] == [("alice", True)]
    assert registry("org", "member", "rm", "team", "alice").code == 0
    assert registry("org", "rm", "team").out == "organisation team is removed\n"
    assert registry("org", "show", "team").err == "registry: there is no organisation team\n"


def test_a_token_is_printed_once_listed_and_revoked(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin")
    choices = ("--allow", "pull,push", "--repository", "team/*", "--expires", "30d")

    secret = registry("token", "create", "--for", "alice", "--name", "ci", *choices).out.strip()
    listed = registry("token", "list", "--for", "alice", "--json").out

    [token] = json.loads(listed)["tokens"]
    assert secret.startswith("mrg_p_")
    assert secret not in listed
    assert (token["actions"], token["repositories"]) == (["pull", "push"], ["team/*"])
    assert registry("token", "rm", str(token["id"]), "--for", "alice").code == 0
    assert "revoked" in registry("token", "list", "--for", "alice").out


@pytest.mark.parametrize("wrong", [("--expires", "0d"), ("--expires", "99999d"), ("--allow", "all"), ("--name", "")])
def test_a_token_with_a_wish_that_cannot_be_read_is_wrong_usage(registry: Run, wrong: tuple[str, str]) -> None:
    assert registry("token", "create", "--for", "alice", "--name", "ci", *wrong).code == 2


def test_a_role_is_granted_listed_and_taken_back(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin")
    registry("org", "create", "team")

    assert registry("grant", "set", "alice", "writer", "team/*").out == "alice is writer in team/*\n"
    assert json.loads(registry("grant", "list", "alice", "--json").out)["grants"][0]["role"] == "writer"
    assert registry("grant", "rm", "alice", "team/*").code == 0
    assert registry("grant", "list", "alice").out == ""
