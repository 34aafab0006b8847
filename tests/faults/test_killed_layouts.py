"""Exports and imports that are killed in the middle: nothing half is taken for whole, and the next one goes on."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.image_layout import INDEX_FILE, digest_at
from registry.services import blob_import
from tests.registry.assembly import ON_SQLITE, open_services
from tests.registry.pushing import Pusher

LAYERS, LAYER_BYTES = 100, 256 << 10
MANIFEST_AND_CONFIG = 2
KILLS = 2
COMMAND = "from registry.cli.main import main; main()"
# The process stops itself when there are so many files, for however long its parent takes to see that.
STOPS_AT = """
import os, signal, sys
def count(event, _):
    if event == "os.rename" and sum(len(files) for _, _, files in os.walk({folder!r})) >= {files}:
        os.kill(os.getpid(), signal.SIGSTOP)
sys.addaudithook(count)
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

pytestmark = ON_SQLITE


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> list[str]:
    """The options of `registry` for the registry in `tmp_path`."""
    return ["--set", f"storage.filesystem.root={tmp_path / 'storage'}", "--set", f"database.url={database_url}"]


@pytest.fixture
def digest(tmp_path: Path, database_url: str) -> str:
    """The digest of an image of many layers, which `team/app:1` is."""
    noise = random.Random(4)

    async def fill() -> str:
        async with open_services(tmp_path / "storage", database_url) as services:
            layers = [noise.randbytes(LAYER_BYTES) for _ in range(LAYERS)]
            image = await Pusher.to(services, "team/app").image("1", layers=layers)
            return str(image["digest"])

    return asyncio.run(fill())


def test_a_killed_export_goes_on_with_the_files_that_are_whole(here: list[str], digest: str, tmp_path: Path) -> None:
    target = tmp_path / "layout"
    for kills in range(1, KILLS + 1):
        killed_at(["export", "team/app", str(target), *here], target / "blobs", kills * LAYERS // 4)
        assert not (target / INDEX_FILE).exists()

    told = finished(["export", "team/app", str(target), "--json", *here])

    assert told["tags"] == [{"name": "1", "digest": digest}]
    assert 0 < told["copied"]["count"] <= LAYERS + MANIFEST_AND_CONFIG - KILLS * LAYERS // 4
    files = [path for path in target.rglob("*") if path.is_file() and path.parent != target]
    assert len(files) == LAYERS + MANIFEST_AND_CONFIG
    assert all(digest_at(str(path.relative_to(target))) == Digest.of(path.read_bytes()) for path in files)


def test_a_killed_import_goes_on_with_the_blobs_that_are_there(
    here: list[str], digest: str, tmp_path: Path, migrated_sqlite_file: Path
) -> None:
    finished(["export", "team/app", str(tmp_path / "layout"), "--json", *here])
    (tmp_path / "other").mkdir()
    shutil.copyfile(migrated_sqlite_file, tmp_path / "other" / "registry.db")
    other = ["--data", str(tmp_path / "other")]
    importing = ["import", str(tmp_path / "layout"), "team/app", *other]
    for kills in range(1, KILLS + 1):
        killed_at(importing, tmp_path / "other" / "storage" / "blobs", kills * LAYERS // 4)
        assert finished(["repository", "list", "--json", *other])["repositories"][0]["tags"] == 0

    told = finished([*importing, "--json"])

    assert told["tags"] == [{"name": "1", "digest": digest}]
    # What was stored and not recorded yet is stored again: of the few that are taken at the same time.
    assert told["copied"]["count"] <= LAYERS + 1 - KILLS * LAYERS // 4 + KILLS * blob_import._AT_ONCE
    assert finished(["verify", "--json", *other])


def killed_at(arguments: list[str], folder: Path, files: int) -> None:
    """Run a command until there are so many files in `folder`, and kill it then."""
    stopping = [sys.executable, "-c", STOPS_AT.format(folder=str(folder), files=files) + COMMAND, *arguments]
    with subprocess.Popen(stopping, env=ENVIRONMENT, stderr=subprocess.PIPE) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        process.kill()
        assert process.wait() == -signal.SIGKILL, (process.stderr or sys.stdin).read()


def finished(arguments: list[str]) -> Any:
    """What a command says that it has done."""
    command = [sys.executable, "-c", COMMAND, *arguments]
    return json.loads(subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout)
