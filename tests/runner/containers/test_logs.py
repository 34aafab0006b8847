"""What is written down of a container's words, and how it is read."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.containers import liveness, log_reading
from runner.containers.folders import Folders, Place
from runner.containers.monitor.logs import LONGEST_LINE, LogWriter
from runner.containers.settings import Log


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Folders(str(tmp_path), str(tmp_path / "state")).place("c" * 64)
    os.makedirs(place.lasting)
    Path(place.monitor).touch()
    return place


def said(place: Place, tail: int | None = None) -> list[str]:
    return [entry.text for entry in log_reading.entries(place, tail=tail)]


def test_each_line_is_an_object_as_docker_writes_them(place: Place) -> None:
    log = LogWriter(place.log, Log())
    log.write("stdout", b"one\ntwo\n")
    log.write("stderr", "µ\n".encode() + b"\xff\n")

    entries = [json.loads(line) for line in Path(place.log).read_text().splitlines()]

    assert [(entry["log"], entry["stream"]) for entry in entries] == [
        ("one\n", "stdout"),
        ("two\n", "stdout"),
        ("µ\n", "stderr"),
        ("\ufffd\n", "stderr"),
    ]
    assert all(len(entry["time"]) == len("2026-01-02T03:04:05.000000000Z") for entry in entries)


def test_a_line_is_written_when_it_has_ended_or_the_container_has(place: Place) -> None:
    log = LogWriter(place.log, Log())
    log.write("stdout", b"be")
    log.write("stderr", b"other\n")
    before = said(place)
    log.write("stdout", b"gun\nrest")
    log.close()

    assert before == ["other\n"]
    assert said(place) == ["other\n", "begun\n", "rest"]


def test_a_long_line_is_written_in_parts(place: Place) -> None:
    log = LogWriter(place.log, Log())
    for _ in range(5):
        log.write("stdout", b"x" * (LONGEST_LINE // 2))
    log.write("stdout", b"\n")

    parts = said(place)

    assert "".join(parts) == "x" * (LONGEST_LINE // 2) * 5 + "\n"
    assert [len(part) for part in parts[:-1]] == [LONGEST_LINE] * 2


@pytest.mark.parametrize(("files", "kept"), [(1, 1), (3, 3)])
def test_files_are_bounded_in_size_and_number(place: Place, files: int, kept: int) -> None:
    log = LogWriter(place.log, Log(max_size=1000, max_files=files))
    for number in range(200):
        log.write("stdout", b"%d\n" % number)

    found = sorted(Path(place.lasting).glob("log.json*"))
    assert len(found) == kept
    assert all(path.stat().st_size <= 1000 for path in found)
    lines = [int(text) for text in said(place)]
    assert lines == list(range(lines[0], 200))


def test_a_log_is_gone_on_with_when_the_container_is_started_again(place: Place) -> None:
    for text in (b"first\n", b"second\n"):
        log = LogWriter(place.log, Log())
        log.write("stdout", text)
        log.close()

    assert said(place) == ["first\n", "second\n"]


def test_no_file_is_made_where_none_is_wanted(place: Place) -> None:
    log = LogWriter(place.log, Log("none"))
    log.write("stdout", b"x\n")
    log.close()

    assert said(place) == []
    assert not Path(place.log).exists()


def test_only_the_last_lines_are_given_if_that_is_asked_for(place: Place) -> None:
    log = LogWriter(place.log, Log(max_size=1000, max_files=10))
    for number in range(50):
        log.write("stdout", b"%d\n" % number)

    assert said(place, tail=3) == ["47\n", "48\n", "49\n"]
    assert said(place, tail=0) == []
    assert said(place, tail=1000) == said(place)


def test_what_is_damaged_is_passed_over(place: Place) -> None:
    Path(place.log).write_text('{"log": "one\\n"}\nnonsense\n[1]\n{"log": "two\\n"}\n')

    assert said(place) == ["one\n", "two\n"]


def looked_at(
    place: Place, monkeypatch: pytest.MonkeyPatch, before: Callable[[], None], after: Callable[[], None]
) -> None:
    """Let something happen right before and after the next time that somebody looks whether the log is another file."""
    stat = os.stat

    def look(path: str) -> os.stat_result:
        if path != place.log:
            return stat(path)
        monkeypatch.undo()
        before()
        found = stat(path)
        after()
        return found

    monkeypatch.setattr(os, "stat", look)


def test_what_comes_just_before_the_log_is_put_aside_is_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogWriter(place.log, Log(max_size=200, max_files=3))
    log.write("stdout", b"one\n")
    reader = log_reading.Reader(place.log)
    heard = [entry.text for entry in reader.read()]

    def say() -> None:
        for line in (b"two\n", b"three\n", b"four\n"):
            log.write("stdout", line)

    looked_at(place, monkeypatch, before=say, after=lambda: None)
    heard += [entry.text for entry in reader.read()]

    assert os.path.exists(f"{place.log}.1")
    assert heard == ["one\n", "two\n", "three\n", "four\n"]


def test_a_log_that_is_put_aside_twice_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    line = '{"log": "%s"}\n'
    Path(place.log).write_text(line % "one")
    reader = log_reading.Reader(place.log)
    heard = [entry.text for entry in reader.read()]
    Path(place.log).rename(f"{place.log}.2")
    Path(place.log).write_text(line % "two")
    looked_at(place, monkeypatch, before=lambda: None, after=lambda: os.rename(place.log, f"{place.log}.1"))

    heard += [entry.text for entry in reader.read()]
    Path(place.log).write_text(line % "three")
    heard += [entry.text for entry in reader.read()]

    assert heard == ["one", "three"]


@pytest.mark.parametrize("settings", [Log(), Log(max_size=300), Log(max_size=300, max_files=100)])
def test_who_follows_is_told_each_line_until_the_monitor_has_ended(place: Place, settings: Log) -> None:
    reader, writer = os.pipe()
    ready, told = os.pipe()
    monitor = os.fork()
    if monitor == 0:
        os.close(writer)
        liveness.hold(place)
        log = LogWriter(place.log, settings)
        os.write(told, b".")
        # One at a time, when the one before has been read: nothing is rotated away unread.
        while number := os.read(reader, 1):
            log.write("stdout", number * 40 + b"\n")
        log.close()
        os._exit(0)
    os.close(reader)
    os.read(ready, 1)
    heard = []
    os.write(writer, b"0")
    for entry in log_reading.entries(place, follow=True):
        heard.append(entry.text[:1])
        if len(heard) < 30:
            os.write(writer, b"%d" % (len(heard) % 10))
        else:
            threading.Thread(target=os.close, args=(writer,)).start()
    os.waitpid(monitor, 0)
    for descriptor in (ready, told):
        os.close(descriptor)

    assert heard == [str(number % 10) for number in range(30)]
