"""`registry gc`, on a real database and store that no server has open."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from registry.app.assembly import open_services
from registry.config import load
from tests.registry.cli.running import Ended, Run
from tests.registry.pushing import Document, Pusher
from tests.registry.uploading import stored_blobs


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path) -> Run:
    """Run a command on a registry with a tagged image and an untagged one that came long ago."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")
    asyncio.run(fill(tmp_path))
    with closing(sqlite3.connect(tmp_path / "registry.db")) as connection, connection:
        for column in ("manifest SET pushed_at", "manifest_lease SET lease_until", "blob SET created_at"):
            connection.execute(f"UPDATE {column} = 1")
        connection.execute("UPDATE link SET lease_until = 1, created_at = 1")

    def run_there(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        return run(*arguments, "--data", str(tmp_path), environment=environment)

    return run_there


async def fill(data: Path) -> tuple[Document, Document]:
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        pusher = Pusher.to(services, "team/app")
        return await pusher.image("1", layers=[b"kept"]), await pusher.image(layers=[b"garbage"])


def blobs(tmp_path: Path) -> int:
    return len(stored_blobs(tmp_path / "storage"))


def test_a_dry_run_lists_what_would_go_and_why(registry: Run, tmp_path: Path) -> None:
    document = json.loads(registry("gc", "--dry-run", "--json").out)
    shown = registry("gc", "--dry-run")

    rows = [row.split("\t") for row in shown.out.splitlines()]
    assert [row[0] for row in rows] == [item["kind"] for item in document["garbage"]] == ["manifest", "link", "blob"]
    assert [row[1] for row in rows] == ["team/app", "team/app", "-"]
    assert rows[0][4] == "no tag names it, and no index lists it"
    assert document["dry_run"] is True
    assert document["totals"]["blob"] == {"count": 1, "size": 7}
    assert shown.err == "would remove 1 manifest, 1 link, 1 blob: 7 B to free\n"
    assert blobs(tmp_path) == 3


def test_when_the_command_ends_the_bytes_are_gone(registry: Run, tmp_path: Path) -> None:
    foretold = json.loads(registry("gc", "--dry-run", "--json").out)
    ended = registry("gc", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {**foretold, "dry_run": False}
    assert blobs(tmp_path) == 2


def test_a_collection_tells_how_much_and_why(registry: Run) -> None:
    first, second = registry("gc"), registry("gc")

    assert [row.split("\t")[:2] for row in first.out.splitlines()] == [["manifest", "1"], ["link", "1"], ["blob", "1"]]
    assert first.err == "removed 1 manifest, 1 link, 1 blob: 7 B freed\n"
    assert second.out == ""
    assert second.err.splitlines() == [
        "removed 0 manifests, 0 links, 0 blobs: 0 B freed",
        "what was pushed, asked for or let go in the last 3600 s is kept (gc.grace_s)",
    ]


def test_what_does_not_match_is_listed_and_strays_are_removed_when_asked(registry: Run, tmp_path: Path) -> None:
    lost = stored_blobs(tmp_path / "storage")[0]
    lost.rename(lost.with_suffix("." + "0" * 32))

    shown = registry("gc", "--reconcile")
    listed = json.loads(registry("gc", "--reconcile", "--json").out)
    removed = json.loads(registry("gc", "--reconcile", "--remove-strays", "--json").out)
    after = json.loads(registry("gc", "--reconcile", "--json").out)

    assert [row.split("\t")[0] for row in shown.out.splitlines()] == ["stray", "damaged"]
    assert (shown.code, shown.err) == (1, "1 stray object, 1 damaged blob\n")
    assert [(blob["found"], blob["repositories"]) for blob in listed["damaged"]] == [(None, ["team/app"])]
    assert (listed["removed"], removed["removed"]) == (False, True)
    assert removed["strays"] == listed["strays"] != []
    assert after["strays"] == []
    assert blobs(tmp_path) == 2


@pytest.mark.parametrize("arguments", [["--remove-strays"], ["--dry-run", "--reconcile"]])
def test_flags_that_do_not_go_together_are_wrong_usage(run: Run, arguments: list[str]) -> None:
    assert run("gc", *arguments).code == 2
