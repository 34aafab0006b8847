"""Many uploads at the same time: memory stays small, and each gets on, whatever the others do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from tests.faults.footprint import peak_memory
from tests.faults.patience import UNHURRIED
from tests.faults.senders import Encoding, Sender, content, senders
from tests.registry.app.processes import Registry, running

MIB = 1 << 20
UPLOADS = 64
MEMORY = 300 * MIB

either_encoding = pytest.mark.parametrize("encoding", ["content-length", "chunked"])


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with running(tmp_path / "data", "server.workers=2", *UNHURRIED) as started:
        yield started
    # pytest keeps the directories of a few runs: these would be many GiB.
    shutil.rmtree(tmp_path / "data")


@pytest.mark.heavy
@pytest.mark.timeout(600)
@either_encoding
def test_64_uploads_of_100_mib_take_little_memory_and_none_starves(registry: Registry, encoding: Encoding) -> None:
    progress_of_the_last: list[int] = []

    def upload(sender: Sender) -> int:
        sender.begin()
        status = sender.finish()
        progress_of_the_last.append(min(other.sent for other in uploads))
        return status

    with (
        content(100 * MIB, encoding) as blobs,
        senders(registry, blobs, UPLOADS) as uploads,
        ThreadPoolExecutor(UPLOADS) as clients,
        peak_memory(registry) as peak,
    ):
        statuses = list(clients.map(upload, uploads))

    assert statuses == [201] * UPLOADS
    assert peak.samples > 50
    assert peak.size < MEMORY
    # When the first is done, even the last has sent more than the kernel holds for who is not served. They do not end
    # together, because the kernel gives one worker more of the connections than the other.
    assert progress_of_the_last[0] > 12 * MIB


@either_encoding
def test_64_stalled_uploads_keep_no_others_waiting(registry: Registry, encoding: Encoding) -> None:
    with content(2 * MIB, encoding) as blobs, senders(registry, blobs, UPLOADS + 1) as uploads:
        *stalled, quick = uploads
        for number, sender in enumerate(stalled):
            sender.begin()
            # From before the first byte to after more than a whole block, and in the middle of a chunk's frame.
            sender.send(number * blobs.sent // UPLOADS)

        quick.begin()
        assert quick.finish() == 201
        pushed = blobs.digest(quick.number)
        pulled = registry.ask("GET", f"/v2/load/app/blobs/{pushed}").body
        assert str(Digest.of(pulled)) == pushed

        # They were at it all the time, and go on.
        assert [sender.finish() for sender in stalled] == [201] * UPLOADS
