"""`registry backup` and `registry restore`: what they take, print and refuse."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.faults.pushing import Repository
from tests.registry.app.processes import running
from tests.registry.cli.running import LAYER, ROOT, Run


@pytest.fixture
def moved(data: Path, tmp_path: Path) -> Path:
    """A data directory that has the storage of `data`, and no database."""
    moved = tmp_path / "moved"
    shutil.copytree(data / "storage", moved / "storage")
    return moved


def lose_layer(data: Path) -> str:
    """Remove the bytes of the layer; their key."""
    [file] = (data / "storage" / "blobs").rglob(f"{LAYER.encoded}.*")
    file.unlink()
    return str(file.relative_to(data / "storage" / "blobs"))


def test_a_backup_goes_into_a_new_database(run: Run, data: Path, moved: Path, tmp_path: Path) -> None:
    made = run("backup", "app.backup", "--data", str(data))
    restored = run("restore", "app.backup", "--data", str(moved))

    assert (made.code, made.out) == (0, "")
    assert "the storage has to hold 2 blobs, 9 B" in made.err
    assert (restored.code, restored.out) == (0, "")
    assert restored.err.startswith("restored ")
    assert "the storage lacks 0 blobs" in restored.err
    assert (tmp_path / "app.backup").stat().st_mode & 0o777 == 0o600
    assert (
        run("tag", "list", "team/app", "--data", str(moved)).out
        == run("tag", "list", "team/app", "--data", str(data)).out
    )
    audited = json.loads(run("audit", "list", "--json", "--data", str(moved)).out)["entries"]
    assert audited[0]["action"] == "database.restored"


def test_what_a_server_acknowledged_before_its_backup_is_served_after_the_restore(run: Run, tmp_path: Path) -> None:
    data, moved = tmp_path / "served", tmp_path / "moved"
    with running(data, "server.workers=2", "server.drain_delay_s=0") as registry:
        pushing = Repository(registry)
        with Pushes(pushing) as pushes:
            before = pushes.wait_for(10)
            made = run("backup", "app.backup", "--data", str(data))
            pushes.wait_for(before + 5)
    shutil.copytree(data / "storage", moved / "storage")

    restored = run("restore", "app.backup", "--data", str(moved))

    assert (made.code, restored.code) == (0, 0), restored.err
    with running(moved, "server.workers=1", "server.drain_delay_s=0") as registry:
        for number in range(before):
            Repository(registry).assert_pullable(f"layer {number}".encode(), f"v{number}")
        Repository(registry).push_image(b"after", "after")


class Pushes:
    """Images that a thread pushes, one after the other, while the block runs."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._acknowledged = 0
        self._more = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._push)

    def __enter__(self) -> "Pushes":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def wait_for(self, count: int) -> int:
        """Return when so many are acknowledged, and how many that are by now."""
        with self._more:
            assert self._more.wait_for(lambda: self._acknowledged >= count, timeout=100)
            return self._acknowledged

    def _push(self) -> None:
        while not self._stopped.is_set():
            self._repository.push_image(f"layer {self._acknowledged}".encode(), f"v{self._acknowledged}")
            with self._more:
                self._acknowledged += 1
                self._more.notify_all()


def test_a_backup_goes_through_a_pipe(data: Path, moved: Path) -> None:
    program = [sys.executable, "-c", "from registry.cli.main import main; main()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    made = subprocess.run(
        [*program, "backup", "-", "--data", str(data)], env=environment, capture_output=True, check=True
    )
    restored = subprocess.run(
        [*program, "restore", "-", "--json", "--data", str(moved)],
        env=environment,
        input=made.stdout,
        capture_output=True,
        check=True,
    )

    assert json.loads(restored.stdout)["lacking"] == []


def test_what_the_storage_lacks_is_told_of_before_and_after_a_restore(run: Run, data: Path, moved: Path) -> None:
    made = json.loads(run("backup", "app.backup", "--json", "--data", str(data)).out)
    key = lose_layer(moved)

    checked = run("restore", "app.backup", "--check", "--data", str(moved))
    restored = run("restore", "app.backup", "--json", "--data", str(moved))

    assert made["blobs"] == {"count": 2, "size": 9}
    assert (checked.code, checked.out) == (1, f"{LAYER}\t7 B\t\t{key}\n")
    assert checked.err.startswith("checked ")
    assert restored.code == 1
    document = json.loads(restored.out)
    lacking = {"digest": str(LAYER), "key": key, "size": 7, "found": None, "repositories": ["team/app"]}
    assert document.pop("lacking") == [lacking]
    assert document == {"restored": True, **{name: made[name] for name in ("made_at", "schema", "storage", "tables")}}


def test_a_check_needs_no_database_and_changes_none(run: Run, data: Path, moved: Path) -> None:
    run("backup", "app.backup", "--data", str(data))

    assert run("restore", "app.backup", "--check", "--data", str(moved)).code == 0
    assert not (moved / "registry.db").exists()
    assert run("restore", "app.backup", "--check", "--data", str(data)).code == 0


def test_what_cannot_be_is_one_line(run: Run, data: Path, tmp_path: Path) -> None:
    run("backup", "app.backup", "--data", str(data))
    (tmp_path / "no.backup").write_bytes(b"nothing of the kind")

    for arguments, code, says in (
        (["backup", "-", "--json"], 2, "not both"),
        (["backup", "nowhere/app.backup"], 1, "nowhere/app.backup.partial: No such file or directory"),
        (["restore", "app.backup"], 1, "there is a registry in this database already"),
        (["restore", "no.backup"], 1, "the backup cannot be read"),
        (["restore", "none"], 1, "none: No such file or directory"),
        (["backup", "other", "--data", str(tmp_path / "empty")], 1, "the database has no tables yet"),
    ):
        given = [*arguments] if "--data" in arguments else [*arguments, "--data", str(data)]
        ended = run(*given)
        assert (ended.code, ended.out) == (code, ""), ended.err
        (line,) = ended.err.splitlines()
        assert says in line
    assert {path.name for path in tmp_path.iterdir()} == {"data", "app.backup", "no.backup"}
