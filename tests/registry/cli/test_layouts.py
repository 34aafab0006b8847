"""`registry export` and `registry import`: what they take, print and refuse."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.image_layout import blob_path
from registry.app.assembly import open_services
from registry.config import load
from tests.registry.cli.running import ROOT, Run
from tests.registry.pushing import Pusher

PROGRAM = [sys.executable, "-c", "from registry.cli.main import main; main()"]


@pytest.fixture
def data(tmp_path: Path, migrated_sqlite_file: Path) -> Path:
    """The data of a registry that holds `team/app:1`, with a signature."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")
    asyncio.run(_fill(tmp_path))
    return tmp_path


async def _fill(data: Path) -> None:
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        pusher = Pusher.to(services, "team/app")
        image = await pusher.image("1", config=b"{}", layers=[b"a layer"])
        await pusher.image(layers=[b"signature"], config=b"{}", subject=image)


def digest(run: Run, data: Path, repository: str = "team/app", tag: str = "1") -> str:
    rows = run("tag", "list", repository, "--data", str(data)).out.splitlines()
    [found] = [row.split("\t")[1] for row in rows if row.split("\t")[0] == tag]
    return found


def test_a_directory_is_written_and_read(run: Run, data: Path) -> None:
    exported = run("export", "team/app", "layout", "--data", str(data))
    imported = run("import", "layout", "team/copy", "--data", str(data))

    named = digest(run, data)
    assert (exported.code, exported.out) == (0, f"1\t{named}\n")
    assert exported.err.startswith("exported 1 tag, 2 manifests, 3 blobs: ")
    assert (imported.code, imported.out) == (0, f"1\t{named}\n")
    assert imported.err == "imported 1 tag, 2 manifests, 3 blobs: 18 B, 0 B of it new\n"
    assert digest(run, data, "team/copy") == named


def test_an_archive_is_written_and_read_with_json(run: Run, data: Path) -> None:
    exported = json.loads(
        run("export", "team/app:1", "layout.tar", "--no-referrers", "--json", "--data", str(data)).out
    )
    imported = json.loads(run("import", "layout.tar", "team/copy:new", "--json", "--data", str(data)).out)

    tags = [{"name": "1", "digest": digest(run, data)}]
    size = exported.pop("size")
    assert exported == {
        "name": "team/app",
        "target": "layout.tar",
        "tags": tags,
        "manifests": 1,
        "blobs": 2,
        "copied": {"count": 3, "size": size},
        "absent": 0,
    }
    assert imported == {
        "name": "team/copy",
        "tags": [{**tags[0], "name": "new"}],
        "untagged": [],
        "manifests": 1,
        "blobs": 2,
        "size": 9,
        "copied": {"count": 0, "size": 0},
    }


def test_an_archive_goes_from_one_registry_to_another_through_a_pipe(run: Run, data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run("migrate", "--data", str(other))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    with subprocess.Popen(
        [*PROGRAM, "export", "team/app", "-", "--data", str(data)], stdout=subprocess.PIPE, env=environment
    ) as exporting:
        importing = subprocess.run(
            [*PROGRAM, "import", "-", "moved/app", "--data", str(other)],
            stdin=exporting.stdout,
            capture_output=True,
            env=environment,
            check=False,
        )

    assert (exporting.returncode, importing.returncode) == (0, 0), importing.stderr
    assert digest(run, other, "moved/app") == digest(run, data)


def test_a_digest_goes_out_and_what_has_no_tag_is_told_of(run: Run, data: Path) -> None:
    named = digest(run, data)
    run("export", f"team/app@{named}", "layout", "--data", str(data))

    imported = run("import", "layout", "team/copy", "--data", str(data))

    assert imported.out == ""
    assert f"registry tag move team/copy TAG {named}" in imported.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export", "team/none", "layout"], 1, "team/none does not exist"),
        (["export", "team/app:none", "layout"], 1, "manifest none is not in"),
        (["export", "team/app", "."], 1, "not empty"),
        (["export", "team/app", "no/layout"], 1, "no/layout"),
        (["export", "Team/App", "layout"], 2, "Team/App"),
        (["export", "team/app:?", "layout"], 2, "'?'"),
        (["export", "team/app@1", "layout"], 2, "'1'"),
        (["export", "team/app", "-", "--json"], 2, "not both"),
        (["export", "team/app", "app.tar.gz"], 2, "app.tar.gz would not be compressed"),
        (["import", "nowhere", "team/app"], 1, "registry: nowhere: No such file or directory"),
        (["import", "registry.db", "team/app"], 1, "no tar archive"),
        (["import", "storage", "team/app"], 1, "no image layout"),
        (["import", "storage", f"team/app@{Digest.of(b'')}"], 2, "not a digest"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, data: Path, arguments: list[str], code: int, says: str) -> None:
    ended = run(*arguments, "--data", str(data))

    assert (ended.code, ended.out) == (code, "")
    (line,) = ended.err.splitlines()
    assert says in line


def test_a_layout_that_lies_is_told_of_by_its_digests(run: Run, data: Path, tmp_path: Path) -> None:
    run("export", "team/app", "layout", "--data", str(data))
    (tmp_path / "layout" / blob_path(Digest.of(b"a layer"))).write_bytes(b"a liar!")
    run("migrate", "--data", str(tmp_path / "other"))

    ended = run("import", "layout", "team/app", "--data", str(tmp_path / "other"))

    assert ended.code == 1
    assert ended.err == f"registry: the content has the digest {Digest.of(b'a liar!')}, not {Digest.of(b'a layer')}\n"
