"""Logins from an htpasswd file."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import bcrypt
import pytest

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.authenticator import Identity
from registry.auth.htpasswd import Htpasswd, HtpasswdInvalid, read
from registry.errors import DirectoryUnavailable
from tests.requirements import require_tool

ALICE, BOB = AccountName.parse("alice"), AccountName.parse("bob")
PROVED = Identity(ALICE, "htpasswd", "alice")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "htpasswd"


@pytest.fixture
async def htpasswd(path: Path) -> AsyncIterator[Htpasswd]:
    htpasswd = Htpasswd(path)
    yield htpasswd
    await htpasswd.close()


def hashed(password: str, kind: str = "2y", cost: int = 4) -> str:
    return f"${kind}" + bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()[3:]


def run_htpasswd(*arguments: str | Path) -> None:
    subprocess.run([require_tool("htpasswd"), *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("kind", ["2y", "2a", "2b"])
async def test_the_right_password_of_a_name_proves_it(htpasswd: Htpasswd, path: Path, kind: str) -> None:
    path.write_text(f"# people\n\nalice:{hashed('right one', kind)}\nbob:{hashed('other one', kind)}\n")

    assert await htpasswd.prove(ALICE, "right one") == PROVED
    for wrong in ("other one", "", "right one\0", "\udcff", "a" * 2000):
        assert await htpasswd.prove(ALICE, wrong) is None
    assert await htpasswd.prove(AccountName.parse("carol"), "right one") is None


async def test_a_robot_is_none_of_its_people(htpasswd: Htpasswd, path: Path) -> None:
    path.write_text(f"team+ci:{hashed('right one')}\n")

    assert await htpasswd.prove(AccountName.parse("team+ci"), "right one") is None


async def test_a_long_password_is_cut_where_htpasswd_cuts_it(htpasswd: Htpasswd, path: Path) -> None:
    path.write_text(f"alice:{hashed('a' * 72)}\n")

    assert await htpasswd.prove(ALICE, "a" * 100) == PROVED
    assert await htpasswd.prove(ALICE, "a" * 71) is None


@pytest.mark.tool("htpasswd")
@pytest.mark.parametrize("password", ["right one", "pässwörd", "a" * 72])
async def test_what_the_real_program_writes_is_understood(htpasswd: Htpasswd, path: Path, password: str) -> None:
    path.touch()
    run_htpasswd("-bB", "-C", "5", path, "alice", password)
    run_htpasswd("-bB", path, "bob", "another")

    assert await htpasswd.prove(ALICE, password) == PROVED
    assert await htpasswd.prove(BOB, "another") is not None
    assert await htpasswd.prove(ALICE, "another") is None


async def test_a_change_is_seen_at_the_next_login_even_within_one_tick_of_the_clock(
    htpasswd: Htpasswd, path: Path
) -> None:
    path.write_text(f"alice:{hashed('one')}\n")
    assert await htpasswd.prove(ALICE, "one") == PROVED
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns

    replacement = path.with_name("new")
    replacement.write_text(f"alice:{hashed('two')}\n")
    os.utime(replacement, ns=times)
    replacement.replace(path)

    assert await htpasswd.prove(ALICE, "one") is None
    assert await htpasswd.prove(ALICE, "two") == PROVED


async def test_a_file_that_is_gone_or_broken_proves_nobody_and_says_so_to_the_log(
    htpasswd: Htpasswd, path: Path
) -> None:
    with pytest.raises(DirectoryUnavailable, match="try again"):
        await htpasswd.prove(ALICE, "one")
    path.write_text(f"alice:{hashed('one')}\n")
    assert await htpasswd.prove(ALICE, "one") == PROVED

    path.write_text(f"alice:{hashed('one')}\nbob\n")

    with pytest.raises(DirectoryUnavailable) as raised:
        await htpasswd.prove(ALICE, "one")
    assert "line 2" in raised.value.cause


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("alice", "only bcrypt"),
        ("alice:$apr1$abcdefgh$0123456789012345678901", "only bcrypt"),
        ("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "only bcrypt"),
        ("alice:plain text", "only bcrypt"),
        ("Alice:" + "$2y$05$" + "a" * 53, "this name"),
        (":" + "$2y$05$" + "a" * 53, "this name"),
        ("alice:" + "$2y$15$" + "a" * 53, "cost"),
        ("alice:" + "$2y$03$" + "a" * 53, "cost"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_not_repeated(path: Path, line: str, reason: str) -> None:
    path.write_text(f"bob:{hashed('one')}\n\n{line}\n")

    with pytest.raises(HtpasswdInvalid, match=f"line 3: .*{reason}") as raised:
        read(path)

    assert line not in str(raised.value)


def test_a_name_costs_what_the_dearest_hash_does_though_nobody_has_it(path: Path) -> None:
    path.write_text(f"alice:{hashed('one', cost=4)}\nbob:{hashed('two', cost=6)}\nalice:{hashed('three')}\n")

    entries = read(path)

    assert entries.cost == 6
    assert bcrypt.checkpw(b"one", entries.hashes[ALICE].encode())


def test_a_file_is_read_up_to_a_bound(path: Path) -> None:
    path.write_bytes(b"#" * (limits.HTPASSWD_BYTES + 1))

    with pytest.raises(HtpasswdInvalid, match="larger"):
        read(path)
