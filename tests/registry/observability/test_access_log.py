"""The access log: whole lines, without secrets, that never hold up a request."""

import fcntl
import json
import os
import re
import select
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.observability.access_log import BUFFER_BYTES, AccessEntry, AccessLog


def entry(target: str = "/v2/", agent: str = "docker/29", referer: str = "") -> AccessEntry:
    return AccessEntry(
        time=1_700_000_000.5,
        remote="192.0.2.1",
        method="GET",
        target=target,
        protocol="HTTP/1.1",
        code=200,
        duration_s=0.25,
        sent=3,
        agent=agent,
        referer=referer,
    )


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        os.close(fd)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    path = tmp_path / "access.log"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield path, fd
    os.close(fd)


def test_a_line_of_json_has_what_is_known_and_leaves_out_what_is_not(file: tuple[Path, int]) -> None:
    log = AccessLog(file[1], "json")

    log.record(entry())
    log.close()

    assert json.loads(file[0].read_text()) == {
        "time": 1_700_000_000.5,
        "remote": "192.0.2.1",
        "method": "GET",
        "target": "/v2/",
        "protocol": "HTTP/1.1",
        "code": 200,
        "duration_s": 0.25,
        "sent": 3,
        "agent": "docker/29",
    }


def test_a_combined_line_is_what_log_readers_know(file: tuple[Path, int]) -> None:
    log = AccessLog(file[1], "combined")

    log.record(entry())
    log.close()

    assert file[0].read_text() == (
        '192.0.2.1 - - [14/Nov/2023:22:13:20 +0000] "GET /v2/ HTTP/1.1" 200 3 "-" "docker/29"\n'
    )


def test_off_writes_nothing(file: tuple[Path, int]) -> None:
    log = AccessLog(file[1], "off")

    log.record(entry())
    log.close()

    assert file[0].read_bytes() == b""


@pytest.mark.parametrize("form", ["json", "combined"])
@pytest.mark.parametrize("text", ['a"b', "a\nb", "a\\b", "\x1b[31m", "\udcff\udcfe", "é", "\x00", "\u2028"])
def test_a_client_cannot_break_a_line_or_a_field(file: tuple[Path, int], form: str, text: str) -> None:
    log = AccessLog(file[1], "json" if form == "json" else "combined")

    log.record(entry(target=f"/{text}", agent=text, referer=text))
    log.close()

    (line,) = file[0].read_bytes().split(b"\n")[:-1]
    if form == "json":
        assert json.loads(line)["code"] == 200
    else:
        assert len(re.findall(rb'"[^"]*"', line)) == 3
        assert line.decode().isprintable()


@pytest.mark.parametrize("form", ["json", "combined"])
def test_secrets_in_a_target_are_not_written(file: tuple[Path, int], form: str) -> None:
    log = AccessLog(file[1], "json" if form == "json" else "combined")

    log.record(entry("/v2/a/blobs/uploads/1?_state=hunter2&digest=sha256:ab", referer="http://h/?token=hunter2"))
    log.record(entry("http://alice:hunter2@h/v2/", referer="http://alice:hunter2@h/"))
    log.close()

    line = file[0].read_text()
    assert "hunter2" not in line
    assert "digest=sha256:ab" in line


def test_long_texts_are_cut(file: tuple[Path, int]) -> None:
    log = AccessLog(file[1], "json")

    log.record(entry(target="/" + "a" * 30_000, agent="b" * 30_000, referer="c" * 30_000))
    log.close()

    assert len(file[0].read_bytes()) < select.PIPE_BUF


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_lines_of_several_processes_on_one_pipe_stay_whole(pipe: tuple[int, int]) -> None:
    lines = 200
    pids = []
    for name in ("a", "b"):
        pid = os.fork()
        if pid == 0:
            log = AccessLog(pipe[1], "json")
            for _ in range(lines):
                log.record(entry(agent=name * 200))
            log.close()
            os._exit(0)
        pids.append(pid)

    received = b""
    while received.count(b"\n") < 2 * lines:
        received += os.read(pipe[0], 65536)
    for pid in pids:
        os.waitpid(pid, 0)

    agents = [json.loads(line)["agent"] for line in received.splitlines()]
    assert sorted(agents) == ["a" * 200] * lines + ["b" * 200] * lines


def test_a_reader_that_stands_still_costs_lines_not_requests(pipe: tuple[int, int]) -> None:
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 4096)
    dropped: list[None] = []
    log = AccessLog(pipe[1], "json", lambda: dropped.append(None))
    size = 300

    for _ in range(BUFFER_BYTES // size + 20_000):
        log.record(entry(agent="a" * 200))

    assert dropped
    read_until_closed = threading.Thread(target=_drain, args=(pipe[0],))
    read_until_closed.start()
    log.close(timeout_s=60)
    os.write(pipe[1], b"end\n")
    read_until_closed.join()


def _drain(fd: int) -> None:
    while not os.read(fd, 1 << 20).endswith(b"end\n"):
        pass


def test_closing_does_not_wait_for_a_reader_that_stands_still(pipe: tuple[int, int]) -> None:
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 4096)
    log = AccessLog(pipe[1], "json")
    for _ in range(100):
        log.record(entry(agent="a" * 200))

    log.close(timeout_s=0.01)

    drained = threading.Thread(target=_drain, args=(pipe[0],))
    drained.start()
    log.close(timeout_s=60)
    os.write(pipe[1], b"end\n")
    drained.join()


def test_a_reader_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = AccessLog(writer, "json")

    log.record(entry())
    log.close()

    os.close(writer)


def test_every_field_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "observability.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]

    for name in AccessEntry.__struct_fields__:
        assert any(f"`{name}`" in row.split("|")[1] for row in rows), name
