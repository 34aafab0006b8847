"""Requests raced on the two workers of a real server, beside collectors: what is acknowledged holds, whoever wins."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from random import Random
from threading import Thread
from typing import IO

import pytest

from oci_spec.media_types import OCI_CONFIG, OCI_MANIFEST
from tests.faults.acts import digest_of
from tests.faults.collecting_process import collecting_process
from tests.faults.patience import UNHURRIED, patient
from tests.faults.siege import Siege
from tests.faults.spread import all_at_once, connections_to_each_worker
from tests.registry.app.processes import Answer, Registry, running, whole
from tests.registry.uploading import stored_blobs, upload_files

pytestmark = pytest.mark.timeout(300)

_CLIENTS = 32
_MOVES = 4
_ROUNDS = 40


@pytest.fixture
def served(tmp_path: Path, database_url: str) -> Iterator[Registry]:
    """A registry with two workers, on a database of each kind."""
    settings = ["server.workers=2", f"database.url={database_url}", "gc.grace_s=0", "log.access=off", *UNHURRIED]
    with running(tmp_path / "data", *settings, first=patient(database_url)) as registry:
        yield registry


@pytest.fixture
def connections(served: Registry) -> Iterator[list[HTTPConnection]]:
    """A connection for each of many clients, half of them to each worker, in turns."""
    with connections_to_each_worker(served, _CLIENTS // 2) as (here, there):
        yield [connection for pair in zip(here, there, strict=True) for connection in pair]


def test_a_layer_pushed_by_many_clients_at_once_is_stored_once(
    served: Registry, connections: list[HTTPConnection]
) -> None:
    root = served.data / "storage"
    for number in range(4):
        layer = Random(number).randbytes(300_000)
        pushes = [_push_whole, _push_with_session]
        acts = [partial(pushes[i // 2 % 2], connection, "team/app", layer) for i, connection in enumerate(connections)]

        answers = all_at_once(acts)

        assert {answer.status for answer in answers} == {201}
        assert len(stored_blobs(root)) == number + 1
        assert upload_files(root) == []
        assert {_blob(connection, "team/app", digest_of(layer)).body for connection in connections[:2]} == {layer}


def test_a_tag_moved_by_many_clients_at_once_has_a_whole_history(connections: list[HTTPConnection]) -> None:
    assert _push_whole(connections[0], "team/app", b"{}").status == 201
    images = [[_image(f"{client} {move}") for move in range(_MOVES)] for client in range(_CLIENTS)]

    def move(connection: HTTPConnection, mine: list[bytes]) -> list[int]:
        return [_ask(connection, "PUT", "/v2/team/app/manifests/latest", image).status for image in mine]

    answers = all_at_once([partial(move, *pair) for pair in zip(connections, images, strict=True)])

    assert answers == [[201] * _MOVES] * _CLIENTS
    path = "/api/v1/repositories/team/app/tags/latest/history?limit=1000"
    [newest, *_] = history = json.loads(_ask(connections[0], "GET", path).body)["history"]
    assert sorted(row["digest"] for row in history) == sorted(digest_of(image) for mine in images for image in mine)
    assert newest["valid_until"] is None
    assert all(later["valid_from"] == earlier["valid_until"] for later, earlier in pairwise(history))
    # Each client waited for its answer before it moved the tag again.
    order = {row["digest"]: place for place, row in enumerate(reversed(history))}
    for mine in images:
        places = [order[digest_of(image)] for image in mine]
        assert places == sorted(places)
    for connection in connections[:2]:
        assert digest_of(_ask(connection, "GET", "/v2/team/app/manifests/latest").body) == newest["digest"]


def test_a_mount_raced_with_the_deletion_of_its_source_holds_or_is_refused(
    served: Registry, connections: list[HTTPConnection], database_url: str
) -> None:
    here, there = connections[:2]
    number = mounted = 0
    with _collecting(served, database_url):
        # Until a mount has come before the deletion, too.
        while number < _ROUNDS or not mounted:
            number += 1
            content = f"mounted {number}".encode()
            path = f"/v2/team/app/blobs/uploads/?mount={digest_of(content)}&from=team/source"
            assert _push_whole(here, "team/source", content).status == 201

            delete = partial(_ask, there, "DELETE", f"/v2/team/source/blobs/{digest_of(content)}")
            mount, deleted = all_at_once([partial(_ask, here, "POST", path), delete])

            assert deleted.status == 202
            assert mount.status in (201, 202)
            assert _blob(there, "team/source", digest_of(content)).status == 404
            if mount.status == 201:
                mounted += 1
                assert {_blob(connection, "team/app", digest_of(content)).body for connection in (here, there)} == {
                    content
                }


def test_what_is_pushed_again_while_it_is_removed_stays(
    served: Registry, connections: list[HTTPConnection], database_url: str
) -> None:
    here, there = connections[:2]
    content = b"removed and pushed again"
    digest = digest_of(content)
    delete = partial(_ask, here, "DELETE", f"/v2/team/app/blobs/{digest}")
    push = partial(_push_whole, there, "team/app", content)
    assert push().status == 201
    number = 0
    with _collecting(served, database_url) as removed:
        # Until the collector has come to the blob in some rounds, and in others not.
        while number < _ROUNDS or not 0 < removed["blob"] < number:
            number += 1
            if number % 2:
                # The collector comes to the blob before, while or after it is pushed again.
                assert delete().status == 202
                assert push().status == 201
            else:
                answers = all_at_once([delete, push])
                assert [answer.status for answer in answers] == [202, 201]
                if _blob(here, "team/app", digest).status == 404:
                    assert push().status == 201

            assert {_blob(connection, "team/app", digest).body for connection in (here, there)} == {content}


async def test_pushes_beside_collectors_break_nothing(tmp_path: Path, database_url: str) -> None:
    # Few layers, each asked for about as often as its lease ends.
    siege = Siege(tmp_path / "data", database_url, 7, lease_s=3.0, layers=40)
    async with siege.under_load() as web:
        with _collecting(siege.registry, database_url) as removed:
            await siege.work(web, requests=2000)
            while min(removed["manifest"], removed["link"], removed["blob"]) <= 10:
                await siege.work(web, requests=100)
        await siege.look_at_everything()
    assert siege.ask_command("gc", "--reconcile") == {"removed": False, "strays": [], "damaged": []}


@contextmanager
def _collecting(registry: Registry, database_url: str) -> Iterator[Counter[str]]:
    """A process beside the server that collects all the time; how many of each kind it has removed."""
    removed: Counter[str] = Counter()

    def hear(lines: IO[str]) -> None:
        removed.update(line.partition(" ")[0] for line in lines)

    storage = registry.data / "storage"
    with collecting_process(storage, database_url, ahead=timedelta(0), grace_s=0) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "collecting\n"
        listener = Thread(target=hear, args=[process.stdout])
        listener.start()
        yield removed
        process.kill()
        listener.join()


def _push_whole(connection: HTTPConnection, repository: str, content: bytes) -> Answer:
    path = f"/v2/{repository}/blobs/uploads/?digest={digest_of(content)}"
    return _ask(connection, "POST", path, content)


def _push_with_session(connection: HTTPConnection, repository: str, content: bytes) -> Answer:
    started = _ask(connection, "POST", f"/v2/{repository}/blobs/uploads/")
    assert started.status == 202
    return _ask(connection, "PUT", f"{started.headers['Location']}&digest={digest_of(content)}", content)


def _blob(connection: HTTPConnection, repository: str, digest: str) -> Answer:
    return _ask(connection, "GET", f"/v2/{repository}/blobs/{digest}")


def _ask(connection: HTTPConnection, method: str, path: str, body: bytes | None = None) -> Answer:
    connection.request(method, path, body)
    return whole(connection.getresponse())


def _image(note: str) -> bytes:
    config = {"mediaType": OCI_CONFIG, "digest": digest_of(b"{}"), "size": 2}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    return json.dumps({**document, "annotations": {"note": note}}).encode()
