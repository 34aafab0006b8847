"""`registry storage migrate`: beside a running registry, and then the switch."""

import json
import shutil
from pathlib import Path

import pytest

from tests.faults.pushing import Repository
from tests.registry.app.processes import running
from tests.registry.cli.running import LAYER, Run
from tests.s3 import S3Server


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A configuration whose storage is another one."""
    path = tmp_path / "there.toml"
    path.write_text(f'[storage.filesystem]\nroot = "{tmp_path / "new"}"\n')
    return path


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.tool("versitygw"))])
def anywhere(request: pytest.FixtureRequest, there: Path) -> Path:
    """The same, or one of S3."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("versitygw")
        settings = {
            "bucket": server.bucket,
            "prefix": "moved",
            "endpoint": server.endpoint,
            "access_key_id": server.access_key_id,
            "secret_access_key": server.secret_access_key,
            "addressing_style": "path",
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        there.write_text("\n".join(['[storage]\nbackend = "s3"\n[storage.s3]', *lines]))
    return there


def test_a_registry_that_takes_pushes_moves_and_loses_nothing(run: Run, tmp_path: Path, anywhere: Path) -> None:
    data = tmp_path / "served"
    layers = [f"layer {number}".encode() for number in range(6)]
    move = ["storage", "migrate", "--to", str(anywhere), "--data", str(data)]
    with running(data, "server.workers=2", "server.drain_delay_s=0") as registry:
        pushing = Repository(registry)
        for number in range(4):
            pushing.push_image(layers[number], f"v{number}")
        first = run(*move)
        pushing.push_image(layers[4], "v4")
        pushing.delete_manifest("v0")
        second = json.loads(run(*move, "--json").out)
        refused = run(*move, "--switch")
        pushing.push_image(layers[5], "v5")
        registry.process.terminate()
        registry.ended()

    ended = run(*move, "--switch")

    assert (first.code, first.out) == (0, "")
    assert first.err.startswith("copied 5 blobs, ")
    assert second == {"switched": False, "copied": {"count": 1, "size": 7}, "dropped": 0, "not_copied": []}
    assert refused.code == 1
    assert refused.err.startswith("registry: the registry is running")
    assert ended.code == 0, ended.err
    assert ended.err.splitlines() == [
        "copied 1 blob, 7 B; dropped 0 of what is gone; 0 not copied",
        f"the database names the copies now: start the registry with {anywhere}",
    ]
    shutil.rmtree(data / "storage")
    with running(data, "server.workers=1", "server.drain_delay_s=0", config=anywhere) as registry:
        for number in range(1, 6):
            Repository(registry).assert_pullable(layers[number], f"v{number}")
        assert Repository(registry).pull_manifest("v0").status == 404
        Repository(registry).push_image(b"after the move", "after")
        registry.process.terminate()
        registry.ended()
    compared = run("gc", "--reconcile", "--json", "--data", str(data), "--config", str(anywhere))
    assert json.loads(compared.out)["damaged"] == []
    assert json.loads(compared.out)["strays"] == []
    assert run("verify", "--data", str(data), "--config", str(anywhere)).code == 0


def test_what_is_lost_stays_behind_only_when_that_is_said(run: Run, data: Path, there: Path) -> None:
    [file] = (data / "storage" / "blobs").rglob(f"{LAYER.encoded}.*")
    file.unlink()
    move = ["storage", "migrate", "--to", str(there), "--data", str(data)]

    copied, refused, switched = run(*move), run(*move, "--switch"), run(*move, "--switch", "--without-lost")

    assert (copied.code, copied.out) == (1, f"missing\t{LAYER}\t7 B\n")
    assert (refused.code, refused.out) == (1, copied.out)
    assert refused.err.splitlines()[-1] == "nothing was switched; --without-lost leaves behind what cannot be copied"
    assert (switched.code, switched.out) == (0, copied.out)
    assert run("tag", "list", "team/app", "--data", str(data), "--config", str(there)).code == 0


def test_what_cannot_be_is_one_line(run: Run, data: Path, there: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.toml"
    same.write_text("")
    occupied = tmp_path / "occupied.toml"
    occupied.write_text(f'[storage.filesystem]\nroot = "{tmp_path / "occupied"}"\n')
    (tmp_path / "occupied" / "index").mkdir(parents=True)
    (tmp_path / "occupied" / "index" / "thing").write_text("")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[storage]\nbackend = 3\n")

    for arguments, code, says in (
        (["--to", str(same)], 1, "is the one that is in use"),
        (["--to", str(occupied)], 1, "holds something already"),
        (["--to", str(wrong)], 1, "storage.backend"),
        (["--to", str(there), "--without-lost"], 2, "--without-lost goes with --switch"),
        (["--to", "nowhere.toml"], 2, "nowhere.toml"),
        ([], 2, "--to"),
    ):
        ended = run("storage", "migrate", *arguments, "--data", str(data))
        assert (ended.code, ended.out) == (code, ""), ended.err
        (line,) = ended.err.splitlines()
        assert says in line
