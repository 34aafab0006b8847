"""`registry rebuild`, on a store whose database is lost."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.app.assembly import open_services
from registry.config import load
from registry.jobs import index_objects
from tests.registry.cli.running import Run
from tests.registry.pushing import Pusher


@pytest.fixture
def bereft(tmp_path: Path, migrated_sqlite_file: Path) -> Path:
    """A data directory whose database is a new one; one layer of `team/app:2` is lost too."""
    database = tmp_path / "registry.db"
    shutil.copyfile(migrated_sqlite_file, database)
    asyncio.run(_fill(tmp_path))
    for path in tmp_path.glob("registry.db*"):
        path.unlink()
    shutil.copyfile(migrated_sqlite_file, database)
    return tmp_path


async def _fill(data: Path) -> None:
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        pusher = Pusher.to(services, "team/app")
        await pusher.image("1", "latest", layers=[b"one"])
        await pusher.image("2", layers=[b"lost"])
        await index_objects.run(services)
    [file] = [path for path in data.rglob(f"{Digest.of(b'lost').encoded}.*") if "blobs" in path.parts]
    file.unlink()


def test_what_came_back_and_what_did_not_is_told(run: Run, bereft: Path) -> None:
    ended = run("rebuild", "--data", str(bereft))

    lost = Digest.of(b"lost")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"blob\t-\t{lost}\thas no stored bytes",
        f"link\tteam/app\t{lost}\tnames a blob that was not recovered",
    ]
    recovered, never = ended.err.splitlines()
    assert recovered == (
        "recovered 1 repository, 2 manifests, 3 tags, 2 blobs (0 of them by their bytes alone) with 2 links; 2 losses"
    )
    assert never.startswith("never in the storage: accounts")
    assert [row.split("\t")[0] for row in run("tag", "list", "team/app", "--data", str(bereft)).out.splitlines()] == [
        "1",
        "2",
        "latest",
    ]


def test_programs_get_json(run: Run, bereft: Path) -> None:
    document = json.loads(run("rebuild", "--json", "--data", str(bereft)).out)

    assert document.pop("not_in_storage")
    losses = document.pop("losses")
    assert [loss["kind"] for loss in losses] == ["blob", "link"]
    assert losses[1] == {
        "kind": "link",
        "repository": "team/app",
        "name": str(Digest.of(b"lost")),
        "reason": "names a blob that was not recovered",
    }
    assert document == {"repositories": 1, "blobs": 2, "unindexed": 0, "links": 2, "manifests": 2, "tags": 3}


def test_a_database_with_a_registry_in_it_is_refused(run: Run, bereft: Path) -> None:
    run("rebuild", "--data", str(bereft))

    ended = run("rebuild", "--data", str(bereft))

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "registry: there is a registry in this database already; "
        "rebuild into an empty one (registry migrate makes it)\n"
    )
