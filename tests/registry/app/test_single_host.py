"""What only one host may use, by the marks of hosts."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from registry.app import single_host
from registry.app.refusals import UsedElsewhere
from registry.app.single_host import SingleHost
from tests.registry.app.processes import Registry, running, starting
from tests.requirements import require_root, require_tool

CONTENT = b"a layer"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within this process, for the tests that start none."""
    monkeypatch.setattr(single_host, "_BEAT_S", 0.05)
    monkeypatch.setattr(single_host, "_WATCH_S", 0.5)
    monkeypatch.setattr(single_host, "_LOOK_S", 0.02)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def written(mark: Path, beat: int) -> None:
    """As another host writes its mark: over what stands there, so that nobody ever reads half of it."""
    descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT)
    try:
        content = json.dumps({"host": "elsewhere", "boot": "another", "beats": beat})
        os.pwrite(descriptor, content.encode().ljust(512), 0)
    finally:
        os.close(descriptor)


def test_a_mark_that_another_host_goes_on_changing_is_respected(mark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # However slowly: whoever sees the change looks no longer.
    monkeypatch.setattr(single_host, "_WATCH_S", 60)
    written(mark, 0)
    ended = threading.Event()

    def live() -> None:
        beat = 0
        while not ended.wait(0.05):
            written(mark, beat := beat + 1)

    other = threading.Thread(target=live)
    other.start()
    try:
        with pytest.raises(UsedElsewhere, match="in use by another host, elsewhere: move it"):
            SingleHost({mark: "move it"}).require_free()
    finally:
        ended.set()
        other.join()


def test_a_mark_that_was_left_behind_is_in_nobodys_way(mark: Path) -> None:
    host = SingleHost({mark: ""})
    host.require_free()
    written(mark, 7)
    host.require_free()
    mark.write_text("")
    host.require_free()


def test_the_marks_of_this_host_are_no_obstacle_to_it_and_go_at_the_end(
    mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever looks again at these marks is here for a minute.
    monkeypatch.setattr(single_host, "_LOOK_S", 60)
    host = SingleHost({mark: ""})
    with host.kept(lambda used: pytest.fail(str(used))):
        while not mark.exists():
            time.sleep(0.01)
        first = mark.read_bytes()
        began = time.monotonic()
        SingleHost({mark: ""}).require_free()
        assert time.monotonic() - began < 30
        while mark.read_bytes() == first:
            time.sleep(0.01)

    host.release()
    assert not mark.exists()


def test_who_was_taken_for_dead_learns_of_it(mark: Path) -> None:
    learnt: list[UsedElsewhere] = []
    with SingleHost({mark: ""}).kept(learnt.append):
        while not mark.exists():
            time.sleep(0.01)
        while not learnt:
            written(mark, 0)
            time.sleep(0.01)

    assert "elsewhere" in str(learnt[0])


@pytest.mark.parametrize("content", ["", "{", "{}", "[]"])
def test_a_mark_in_which_nobody_is_named_is_no_other_hosts(mark: Path, content: str) -> None:
    """A disk that is full when a registry starts leaves it an empty mark: it serves what it can, and does not end."""
    with SingleHost({mark: ""}).kept(lambda used: pytest.fail(str(used))):
        while not mark.exists():
            time.sleep(0.01)
        before = mark.read_bytes()
        # Replaced, since this host writes its own beside it.
        other = mark.with_name("other")
        other.write_text(content)
        other.replace(mark)
        while b'"boot"' not in mark.read_bytes():
            time.sleep(0.01)
        assert mark.read_bytes() != before


@contextmanager
def another_host(directory: Path) -> Iterator[Sequence[str | Path]]:
    """What starts a program as if on another machine: of another name, and booted at another time."""
    require_root()
    boot = directory / "boot_id"
    boot.write_text("another boot\n")
    script = 'hostname elsewhere; mount --bind "$0" /proc/sys/kernel/random/boot_id; exec "$@"'
    yield [require_tool("unshare"), "--mount", "--uts", "--", "sh", "-c", script, boot]


def pushed(registry: Registry) -> int:
    digest = "sha256:" + sha256(CONTENT).hexdigest()
    return registry.ask("POST", f"/v2/team/app/blobs/uploads/?digest={digest}", CONTENT).status


@pytest.mark.root
@pytest.mark.tool("unshare")
def test_sqlite_and_a_directory_that_is_not_shared_refuse_a_second_host(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with another_host(tmp_path) as elsewhere, running(data, "server.workers=1") as first:
        with starting(data, "server.workers=1", within=elsewhere) as second:
            assert second.ended() == 1
        assert "in use by another host" in "".join(second.said)
        assert "PostgreSQL" in "".join(second.said)
        # Another container of the same machine is none.
        with running(data, "server.workers=1") as beside:
            assert pushed(beside) == 201
        assert pushed(first) == 201
        first.signal(signal.SIGTERM)
        assert first.ended() == 0

        # What ended in order can be moved at once.
        assert not list(tmp_path.rglob("*host"))
        with running(data, "server.workers=1", within=elsewhere) as second:
            assert pushed(second) == 201
