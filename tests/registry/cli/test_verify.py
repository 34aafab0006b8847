"""`registry verify`, on stores whose disk keeps its word, and on one whose disk does not."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.app.assembly import open_services
from registry.config import load
from tests.registry.cli.running import Ended, Run
from tests.registry.pushing import Pusher

DIGEST = Digest.of(b"a layer")


@pytest.fixture
def data(tmp_path: Path, migrated_sqlite_file: Path) -> Path:
    """The data of a registry that holds `team/app:1`."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")
    asyncio.run(_fill(tmp_path))
    return tmp_path


async def _fill(data: Path) -> None:
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        await Pusher.to(services, "team/app").image("1", config=b"{}", layers=[b"a layer"])


def spoil(data: Path) -> Path:
    [file] = [path for path in data.rglob(f"{DIGEST.encoded}.*") if "blobs" in path.parts]
    file.write_bytes(b"a liar!")
    return file


def verified(run: Run, data: Path, *arguments: str) -> Ended:
    return run("verify", *arguments, "--data", str(data))


def test_good_bytes_end_with_success(run: Run, data: Path) -> None:
    assert verified(run, data) == Ended(0, "", "verified 2 blobs, 9 B; 0 at fault\n")


def test_corrupt_bytes_end_with_failure_and_name_what_needs_them(run: Run, data: Path) -> None:
    spoil(data)

    ended = verified(run, data, "--rate-mib", "1000")

    assert ended == Ended(1, f"corrupt\t{DIGEST}\t7 B\tteam/app:1\n", "verified 2 blobs, 9 B; 1 at fault\n")


def test_programs_get_json(run: Run, data: Path) -> None:
    file = spoil(data)

    ended = verified(run, data, "--json")

    assert ended.code == 1
    assert json.loads(ended.out) == {
        "blobs": 2,
        "size": 9,
        "faulty": [
            {
                "digest": str(DIGEST),
                "key": "/".join(file.parts[-3:]),
                "size": 7,
                "fault": "corrupt",
                "repositories": [{"name": "team/app", "tags": ["1"]}],
            }
        ],
    }


def test_some_are_read_when_some_are_asked_for(run: Run, data: Path) -> None:
    assert verified(run, data, "--sample", "1").err.startswith("verified 1 blob,")
    assert verified(run, data, "--not-since", "2026-01-01").err.startswith("verified 1 blob,")
    assert verified(run, data, "--not-since", "2026-01-01").err.startswith("verified 0 blobs")


@pytest.mark.parametrize("wrong", [("--sample", "0"), ("--rate-mib", "0"), ("--not-since", "yesterday")])
def test_what_makes_no_sense_is_wrong_usage(run: Run, data: Path, wrong: tuple[str, str]) -> None:
    assert verified(run, data, *wrong).code == 2


def test_a_date_that_is_none_is_wrong_usage_and_says_how_one_looks(run: Run, data: Path) -> None:
    ended = verified(run, data, "--not-since", "yesterday")

    assert ended.code == 2
    assert "'yesterday' is no date like 2026-01-31 and no time like 2026-01-31T12:00:00" in ended.err
