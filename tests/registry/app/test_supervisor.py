import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from tests.ports import free_port
from tests.registry.app.processes import HeldRequest, Registry, running, starting, wait_for_end, whole

CONTENT = b"0123456789"
DIGEST = Digest.of(CONTENT)
POST = f"/v2/team/app/blobs/uploads/?digest={DIGEST}"
BLOB = f"/v2/team/app/blobs/{DIGEST}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def takes_connections(registry: Registry) -> bool:
    try:
        return registry.ask("GET", "/v2/").status == 200
    except ConnectionError:
        return False


def test_a_worker_that_dies_is_replaced_and_what_it_counted_stays(data: Path) -> None:
    counted = 'registry_http_requests_total{code="201",handler="blob_upload",method="post"} 1.0'
    with running(data, "server.workers=2") as registry:
        assert registry.ask("POST", POST, CONTENT).status == 201
        # A request is counted once its answer is sent: the client may be ahead of that.
        while counted not in registry.ask("GET", "/metrics").body.decode():
            pass
        first = registry.workers()
        os.kill(first[0], signal.SIGKILL)
        died = registry.await_event("a worker died")

        answers = [registry.ask("GET", BLOB).body for _ in range(20)]
        text = registry.ask("GET", "/metrics").body.decode()

    assert (died["pid"], died["status"]) == (first[0], -signal.SIGKILL)
    assert answers == [CONTENT] * 20
    assert counted in text
    assert "moorage_worker_starts_total 3.0" in text


def test_a_worker_that_dies_again_and_again_is_replaced_more_and_more_slowly(data: Path) -> None:
    with running(data, "server.workers=1") as registry:
        pauses = []
        for _ in range(3):
            while not (workers := registry.workers()):
                pass
            os.kill(workers[0], signal.SIGKILL)
            pauses.append(registry.await_event("a worker died")["next_in_s"])

        assert registry.ask("GET", "/v2/").status == 200

    assert pauses == sorted(set(pauses))


def test_sigterm_lets_what_is_in_flight_finish(data: Path) -> None:
    with running(data, "server.workers=2") as registry:
        held = HeldRequest(registry, "team/app", CONTENT)
        registry.signal(signal.SIGTERM)
        registry.await_event("stopping")

        assert held.finish() == 201
        assert registry.ended() == 0

    with running(data) as registry:
        assert registry.ask("GET", BLOB).body == CONTENT


def test_a_registry_that_stops_takes_no_new_connections(data: Path) -> None:
    with running(data, "server.workers=1") as registry:
        held = HeldRequest(registry, "team/app", CONTENT)
        registry.signal(signal.SIGTERM)
        registry.await_event("stopping")

        while takes_connections(registry):
            pass
        assert held.finish() == 201
        assert registry.ended() == 0


def test_a_registry_that_is_about_to_stop_is_not_ready_and_still_serves(data: Path) -> None:
    with running(data, "server.workers=1", "server.drain_delay_s=3600") as registry:
        assert registry.ask("GET", "/readyz").status == 200
        registry.signal(signal.SIGTERM)

        while registry.ask("GET", "/readyz").status == 200:
            pass

        assert registry.ask("GET", "/readyz").status == 503
        assert registry.ask("POST", POST, CONTENT).status == 201


def test_what_outlives_the_grace_period_is_cut_off(data: Path) -> None:
    # It ends by itself, however long that takes here.
    unhurried = "from registry.app import supervisor; supervisor._MARGIN_S = 100.0\n"
    with running(data, "server.workers=1", "server.grace_period_s=0.1", first=unhurried) as registry:
        held = HeldRequest(registry, "team/app", CONTENT)
        registry.signal(signal.SIGINT)

        assert registry.ended() == 0
        with closing(held):
            assert held.is_cut_off()


def test_a_second_ctrl_c_ends_it_at_once(data: Path) -> None:
    with running(data, "server.workers=2", "server.grace_period_s=3600") as registry:
        held = HeldRequest(registry, "team/app", CONTENT)
        workers = registry.workers()
        registry.signal(signal.SIGINT)
        registry.await_event("stopping")
        registry.signal(signal.SIGINT)

        assert registry.ended() == 128 + signal.SIGINT
        for worker in workers:
            wait_for_end(worker)
        with closing(held):
            assert held.is_cut_off()


def test_ctrl_c_is_the_supervisors_to_understand(data: Path) -> None:
    """A terminal sends it to all processes at once."""
    with running(data, "server.workers=1") as registry:
        [worker] = registry.workers()
        os.kill(worker, signal.SIGINT)

        assert registry.ask("GET", "/v2/").status == 200
        assert registry.workers() == [worker]


def test_workers_end_with_their_supervisor(data: Path) -> None:
    with running(data, "server.workers=2") as registry:
        workers = registry.workers()
        registry.signal(signal.SIGKILL)

        for worker in workers:
            wait_for_end(worker)


def test_an_upload_goes_on_after_a_restart(data: Path) -> None:
    with running(data) as registry:
        begun = registry.ask("POST", "/v2/team/app/blobs/uploads/").headers["Location"]
        appended = registry.ask("PATCH", begun, CONTENT[:5])

    with running(data) as registry:
        location = appended.headers["Location"]
        assert registry.ask("GET", location).headers["Range"] == "0-4"
        done = registry.ask("PUT", f"{location}&digest={DIGEST}", CONTENT[5:])

        assert done.status == 201
        assert registry.ask("GET", BLOB).body == CONTENT


def test_a_taken_port_is_named_with_its_owner_and_nothing_is_made(data: Path, tmp_path: Path) -> None:
    with running(data) as first, starting(tmp_path / "other", listen=f"127.0.0.1:{first.port}") as second:
        assert second.ended() == 1

        [line] = second.said
        assert line.startswith(f"registry: 127.0.0.1:{first.port} is taken by process ")
        assert any(f"process {pid} (" in line for pid in (first.process.pid, *first.workers()))
        assert list((tmp_path / "other").iterdir()) == []
        assert first.ask("GET", "/v2/").status == 200


def test_an_address_of_another_machine_is_refused(data: Path) -> None:
    with starting(data, "auth.allow_open=true", listen="192.0.2.1:0") as registry:
        assert registry.ended() == 1

    [line] = registry.said
    assert line.startswith("registry: cannot listen on 192.0.2.1:0: ")


def test_a_schema_that_is_newer_than_the_program_is_refused_and_left_alone(data: Path) -> None:
    with running(data):
        pass
    with sqlite3.connect(data / "registry.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    with starting(data) as registry:
        assert registry.ended() == 1

    assert "could not be brought up to date, and is as it was" in registry.said[-1]
    assert "9999" in registry.said[-1]
    with sqlite3.connect(data / "registry.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    database.close()


def test_without_migration_a_database_without_tables_is_refused(data: Path) -> None:
    with starting(data, "database.migrate_at_start=false") as registry:
        assert registry.ended() == 1

    [line] = registry.said
    assert line == "registry: the database has no tables yet: run `registry migrate`\n"


def test_metrics_may_have_a_listener_of_their_own(data: Path) -> None:
    port = free_port()
    with running(data, "server.workers=2", f"metrics.listen=127.0.0.1:{port}") as registry:
        registry.ask("GET", "/v2/")
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/metrics")
        answer = whole(connection.getresponse())
        connection.request("GET", "/v2/")
        elsewhere = whole(connection.getresponse())
        connection.close()

        assert answer.status == 200
        assert b"registry_http_requests_total" in answer.body
        assert elsewhere.status == 404
        assert registry.ask("GET", "/metrics").status == 404


def test_what_serves_loads_nothing_that_most_registries_never_need() -> None:
    rarely_needed = {"alembic", "argon2", "asyncpg", "boto3", "cryptography", "jwt", "ldap3", "rich"}
    rarely_needed |= {"sqlalchemy.dialects.postgresql"}
    code = "import sys, registry.cli.serve, registry.app.plan, registry.app.supervisor; print(*sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert rarely_needed & set(ended.stdout.split()) == set()


def test_a_command_that_does_not_serve_loads_no_server() -> None:
    code = "import sys, registry.app; sys.exit('aiohttp' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
