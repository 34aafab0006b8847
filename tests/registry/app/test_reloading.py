import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import reduce
from http.client import HTTPConnection
from operator import or_
from pathlib import Path
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_EMPTY, OCI_MANIFEST
from tests.registry.app.processes import HeldRequest, Registry, access_log_of, running, starting, whole

UPLOADS = "/v2/team/app/blobs/uploads/"
# Connections enough to meet every worker: the kernel spreads them by their ports.
MANY = 40


class Configured:
    """A registry's configuration in a file, which the test writes anew."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.write()

    def write(self, **tables: dict[str, Any]) -> None:
        """Set these keys and no others."""
        text = (f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
                for table, values in tables.items())  # fmt: skip
        fresh = self.file.with_suffix(".new")
        fresh.write_text("".join(text))
        fresh.replace(self.file)

    def reload(self, registry: Registry, **tables: dict[str, Any]) -> list[str]:
        """Set these keys and no others in the running registry; those that it says it has taken over."""
        self.write(**tables)
        registry.signal(signal.SIGHUP)
        keys: list[str] = registry.await_event("configuration reloaded")["keys"]
        return keys


@pytest.fixture
def config(tmp_path: Path) -> Configured:
    return Configured(tmp_path / "config.toml")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def registry(data: Path, config: Configured) -> Iterator[Registry]:
    """A registry of two workers that can be reloaded."""
    with running(data, "server.workers=2", config=config.file) as started:
        yield started


def location(registry: Registry) -> str:
    """Where a new upload is, without what differs from one to the other."""
    return location_at(registry.port)


def location_at(port: int) -> str:
    """The same, of the registry on this port."""
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("POST", UPLOADS)
        return whole(connection.getresponse()).headers["Location"].partition("/v2/")[0]


def push_manifest(registry: Registry, query: str = "", padding: int = 0) -> int:
    """The status for a manifest whose content is not there."""
    missing = {"mediaType": OCI_EMPTY, "digest": str(Digest.of(b"{}")), "size": 2}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": missing, "layers": [missing]}
    content = json.dumps({**manifest, "annotations": {"a": "x" * padding}}).encode()
    with closing(registry.connect()) as connection:
        path = f"/v2/team/app/manifests/{Digest.of(content)}{query}"
        connection.request("PUT", path, content, {"Content-Type": OCI_MANIFEST})
        return whole(connection.getresponse()).status


def with_header(connection: HTTPConnection, size: int) -> int:
    """The status for a request with a header of this size."""
    connection.request("GET", "/v2/", headers={"X-Long": "x" * size})
    return whole(connection.getresponse()).status


def test_every_worker_goes_on_with_what_has_changed(registry: Registry, config: Configured) -> None:
    assert {location(registry) for _ in range(MANY)} == {""}

    taken = config.reload(registry, server={"external_url": "https://example.org/images"})

    assert taken == ["server.external_url"]
    assert {location(registry) for _ in range(MANY)} == {"/images"}


def test_limits_and_settings_hold_from_then_on(registry: Registry, config: Configured) -> None:
    tags = "?tag=" + "&tag=".join(f"t{number}" for number in range(11))
    assert push_manifest(registry) == 400

    config.reload(registry, manifests={"sparse": "allow"}, limits={"manifest_bytes": 1024, "page_entries": 1})
    for tag in ("", "?tag=a", "?tag=b"):
        assert push_manifest(registry, tag) == 201
    assert push_manifest(registry, padding=1024) == 413
    assert push_manifest(registry, tags) == 201
    assert 'rel="next"' in registry.ask("GET", "/v2/team/app/tags/list").headers["Link"]

    config.reload(registry, limits={"tag_parameters": 10, "blob_bytes": 1})
    assert push_manifest(registry, padding=1024) == 400
    assert push_manifest(registry, tags) == 414
    assert "Link" not in registry.ask("GET", "/v2/team/app/tags/list").headers
    assert registry.ask("POST", f"{UPLOADS}?digest={Digest.of(b'12')}", b"12").status == 413


def test_connections_to_come_have_the_new_bounds_and_those_that_there_are_the_old_ones(
    registry: Registry, config: Configured
) -> None:
    with closing(registry.connect()) as before:
        assert with_header(before, 20_000) == 200

        config.reload(registry, limits={"header_bytes": 8190, "keepalive_s": 0, "header_s": 1})

        assert with_header(before, 20_000) == 200
        with closing(registry.connect()) as after:
            assert with_header(after, 20_000) == 431
        with closing(registry.connect()) as after:
            assert with_header(after, 20) == 200
            # It is not kept.
            assert after.sock is None or after.sock.recv(1) == b""
    with socket.create_connection(("127.0.0.1", registry.port)) as silent:
        assert silent.recv(1) == b""


def test_the_logs_follow(registry: Registry, config: Configured, data: Path) -> None:
    config.reload(registry, log={"level": "debug", "access": "combined"})

    with socket.create_connection(("127.0.0.1", registry.port)) as connection:
        connection.sendall(b"no HTTP\r\n\r\n")
        connection.recv(1)
    registry.await_event("a request that cannot be read")
    registry.ask("GET", "/v2/")
    while not (line := access_log_of(data).read_text()):
        pass
    assert line.startswith("127.0.0.1 - ")


def test_a_level_that_silences_the_log_is_told_of_before_it_does(registry: Registry, config: Configured) -> None:
    assert config.reload(registry, log={"level": "error"}) == ["log.level"]
    assert config.reload(registry) == ["log.level"]


def test_what_needs_a_restart_is_named_and_stays_as_it_was(registry: Registry, config: Configured, data: Path) -> None:
    workers = registry.workers()

    changed: dict[str, Any] = {"database": {"migrate_at_start": False}, "storage.filesystem": {"root": "/elsewhere"}}
    assert config.reload(registry, metrics={"listen": "127.0.0.1:1"}, **changed) == []

    waiting = registry.await_event("a restart is needed for what else has changed")["keys"]
    assert waiting == ["metrics.listen", "storage.filesystem.root", "database.migrate_at_start"]
    assert registry.workers() == workers
    assert registry.ask("POST", f"{UPLOADS}?digest={Digest.of(b'1')}", b"1").status == 201
    assert list((data / "storage" / "blobs").rglob("*.*"))


def test_a_configuration_that_cannot_be_used_is_refused_in_one_line(registry: Registry, config: Configured) -> None:
    config.file.write_text('[server]\nexternal_url = "https://example.org/images"\nworker = 1\n[log]\nlevel = 1\n')
    registry.signal(signal.SIGHUP)

    reason = registry.await_event("the configuration cannot be used; the old one stays")["reason"]
    assert "config.toml:3: server.worker: no such key; did you mean `server.workers`?; " in reason
    assert "config.toml:5: log.level: Expected" in reason
    assert location(registry) == ""


def test_a_request_in_flight_is_not_disturbed(registry: Registry, config: Configured) -> None:
    held = HeldRequest(registry, "team/app", b"0123456789")

    config.reload(registry, limits={"blob_bytes": 1, "keepalive_s": 0}, log={"level": "debug"})

    assert held.finish() == 201


def test_a_worker_that_is_replaced_begins_with_what_was_reloaded(registry: Registry, config: Configured) -> None:
    config.reload(registry, server={"external_url": "https://example.org/images"})

    for worker in registry.workers():
        os.kill(worker, signal.SIGKILL)
        registry.await_event("a worker died")

    assert {location(registry) for _ in range(MANY)} == {"/images"}


def test_a_worker_that_dies_before_it_has_taken_a_reload_is_not_waited_for(
    registry: Registry, config: Configured
) -> None:
    stuck, _ = registry.workers()
    os.kill(stuck, signal.SIGSTOP)
    config.write(server={"external_url": "https://example.org/images"})
    registry.signal(signal.SIGHUP)
    while _signals(registry.process.pid, "ShdPnd"):
        pass
    registry.signal(signal.SIGHUP)
    assert registry.await_event("the next reload waits for this one")["workers"].count(stuck) == 1

    os.kill(stuck, signal.SIGKILL)

    assert registry.await_event("configuration reloaded")["keys"] == ["server.external_url"]
    assert registry.await_event("configuration reloaded")["keys"] == []
    assert {location(registry) for _ in range(MANY)} == {"/images"}


def test_the_last_of_many_reloads_holds(registry: Registry, config: Configured) -> None:
    for number in range(50):
        config.write(server={"external_url": f"https://example.org/{number}"})
        registry.signal(signal.SIGHUP)

    # The last one tells itself from all before: that it was taken over is said once every worker has done so.
    config.write(server={"external_url": "https://example.org/images"}, log={"level": "debug"})
    registry.signal(signal.SIGHUP)
    while "log.level" not in registry.await_event("configuration reloaded")["keys"]:
        pass
    assert {location(registry) for _ in range(MANY)} == {"/images"}


def test_a_reload_that_comes_while_the_registry_starts_is_done_when_it_has_started(
    data: Path, config: Configured
) -> None:
    with starting(data, "server.workers=2", config=config.file) as registry:
        # Until then it would end the process.
        while not _signals(registry.process.pid, "SigBlk", "SigCgt") & 1 << signal.SIGHUP - 1:
            assert registry.process.poll() is None
        config.write(server={"external_url": "https://example.org/images"})
        registry.signal(signal.SIGHUP)

        registry.port = int(registry.await_event("listening")["address"].rpartition(":")[2])
        registry.await_event("configuration reloaded")
        assert {location(registry) for _ in range(MANY)} == {"/images"}


def test_a_registry_that_stops_does_not_reload(registry: Registry) -> None:
    held = HeldRequest(registry, "team/app", b"0123456789")
    registry.signal(signal.SIGTERM)
    registry.await_event("stopping")
    registry.signal(signal.SIGHUP)

    assert held.finish() == 201
    assert registry.ended() == 0
    assert not any("reloaded" in line for line in registry.said)


def test_a_registry_ends_with_its_terminal(data: Path, config: Configured) -> None:
    with on_a_terminal(data, config, "SIG_DFL") as (process, terminal):
        said_by(terminal)
        os.close(terminal)

        assert process.wait() == 0


def test_a_registry_that_nohup_started_reloads_when_its_terminal_ends(data: Path, config: Configured) -> None:
    with on_a_terminal(data, config, "SIG_IGN") as (process, terminal):
        [port] = re.findall(r"docker pull localhost:(\d+)/", said_by(terminal))
        config.write(server={"external_url": "https://example.org/images"})
        os.close(terminal)

        while location_at(int(port)) != "/images":
            pass
        assert process.poll() is None


@contextmanager
def on_a_terminal(data: Path, config: Configured, hang_up: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A registry in the foreground of a terminal, whose other end the test has and closes.

    What its shell does with SIGHUP, the name of a disposition, is not left to what the tests' own shell did.
    """
    data.mkdir()
    ours, theirs = pty.openpty()
    command = (
        "import fcntl, signal, termios; fcntl.ioctl(0, termios.TIOCSCTTY); "
        f"signal.signal(signal.SIGHUP, signal.{hang_up}); from registry.cli.main import main; main()"
    )
    flags = ("--listen=127.0.0.1:0", "--set=log.level=error", f"--config={config.file}")
    process = subprocess.Popen(
        [sys.executable, "-c", command, "serve", *flags],
        cwd=data,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()


def said_by(terminal: int) -> str:
    """What a registry says on its terminal once it serves, but for the end of it."""
    said = b""
    while not re.search(rb"docker pull \S+\s", said):
        said += os.read(terminal, 4096)
    return said.decode()


def _signals(pid: int, *fields: str) -> int:
    """The signals in these fields of the process's status, a bit for each."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return reduce(or_, (int(status[field], 16) for field in fields))
