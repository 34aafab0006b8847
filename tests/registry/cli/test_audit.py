"""`registry audit`, on a real database that no server has open."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.app.assembly import open_services
from registry.config import load
from tests.registry.cli.running import Ended, Run
from tests.registry.pushing import Pusher


class Registry:
    """A registry to which an image was pushed twice."""

    def __init__(self, run: Run, data: Path) -> None:
        self._run = run
        self.data = data

    def audit(self, *arguments: str) -> Ended:
        return self._run("audit", *arguments, "--data", str(self.data))

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.data / "registry.db")) as connection, connection:
            connection.execute(statement)


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path) -> Registry:
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")
    asyncio.run(fill(tmp_path))
    return Registry(run, tmp_path)


async def fill(data: Path) -> None:
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        for name in ("team/app", "team/web"):
            await Pusher.to(services, name).image("1")


def test_a_list_shows_the_newest_entries_first(registry: Registry) -> None:
    ended = registry.audit("list", "--action", "tag.moved", "--limit", "1")

    [line] = ended.out.splitlines()
    assert line.split("\t")[2:7] == ["anonymous", "", "tag.moved", "team/web", "done"]


def test_filters_that_fit_nothing_show_nothing(registry: Registry) -> None:
    assert json.loads(registry.audit("list", "--until", "2020-01-01", "--json").out) == {"entries": []}
    assert registry.audit("list", "--actor", "user:nobody").out == ""
    assert registry.audit("list", "--outcome", "refused").out == ""
    assert registry.audit("list", "--outcome", "done").out != ""


def test_an_export_is_a_line_for_each_entry_oldest_first(registry: Registry) -> None:
    entries = [json.loads(line) for line in registry.audit("export", "--target", "team/app").out.splitlines()]

    assert [entry["id"] for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry["previous"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]


def test_verifying_tells_what_was_altered(registry: Registry) -> None:
    whole = registry.audit("verify", "--json")
    registry.execute("UPDATE audit SET target = 'team/other' WHERE id = 2")
    altered = registry.audit("verify")

    assert (whole.code, json.loads(whole.out)["faults"]) == (0, [])
    assert json.loads(whole.out)["head"]["id"] == json.loads(whole.out)["entries"]
    assert altered.code == 1
    assert altered.out.startswith("2\tit was altered\nentries: ")
