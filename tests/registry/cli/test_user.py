"""Commands about people's accounts, on a real database that no server has open."""

import asyncio
import json
from pathlib import Path

from registry.app.assembly import open_services
from registry.auth.account_name import AccountName
from registry.auth.authenticator import Identity
from registry.auth.passwords import Passwords, StoredPassword
from registry.auth.subject import OPERATOR
from registry.config import load
from registry.metadata.account_rows import Account
from registry.services import accounts, outside_accounts
from registry.services.context import now
from tests.registry.cli.running import PASSWORD, Run


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


def test_a_password_that_another_source_keeps_is_not_set_here(registry: Run, tmp_path: Path) -> None:
    asyncio.run(come_from_a_directory(tmp_path, "alice"))

    refused = registry("user", "passwd", "alice", "--password-stdin")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "registry: the password of alice is kept by ldap; change it there\n"
    assert json.loads(registry("user", "show", "alice", "--json").out)["source"] == "ldap"
    assert registry("token", "create", "--for", "alice", "--name", "laptop").code == 0


async def come_from_a_directory(data: Path, name: str) -> None:
    identity = Identity(AccountName.parse(name), "ldap", f"uid={name},dc=example")
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        await outside_accounts.account_of(services.database, identity, now())


def test_removing_is_confirmed_and_the_last_administrator_stays(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin", "--admin")
    registry("user", "add", "bob", "--password-stdin")

    assert registry("user", "rm", "bob").code == 2
    assert json.loads(registry("user", "rm", "bob", "--yes", "--json").out) == {"name": "bob"}
    assert registry("user", "rm", "bob", "--yes").code == 1
    refused = registry("user", "rm", "alice", "--yes")

    assert (refused.code, refused.err) == (1, "registry: alice is the last administrator; make another one first\n")
