"""Several processes on one folder, and processes that are killed."""

import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from oci_spec.digest import Digest
from storage_backends.contract import BlobStore, UploadState
from storage_backends.errors import UploadBusy
from storage_backends.filesystem.store import FilesystemBlobStore
from tests.contracts.blob_store import append, commit, content_of

Start = Callable[..., "subprocess.Popen[str]"]

_ROOT = Path(__file__).parents[2]

# What all programs begin with: a store on the folder of their first argument, and states as lines of JSON.
_PRELUDE = """
import asyncio, itertools, json, sys
from dataclasses import asdict
from pathlib import Path
from storage_backends.contract import UploadState
from storage_backends.errors import UploadBusy
from storage_backends.filesystem.store import FilesystemBlobStore
from oci_spec.digest import Digest

store = FilesystemBlobStore(Path(sys.argv[1]), pool_size=2)

def line(state):
    return json.dumps({name: v.hex() if isinstance(v, bytes) else v for name, v in asdict(state).items()})

def parsed(line):
    fields = json.loads(line)
    return UploadState(**{n: bytes.fromhex(v) if n in ("hash_state", "backend_state", "tail") else v
                          for n, v in fields.items()})
"""

_HOLD = """
async def main():
    async with store.session(sys.argv[2]):
        print("held", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""

# Appends for ever, block after block, and tells each state that it would have recorded.
_APPEND = """
async def main():
    state = await store.begin("sha256")
    async def part(number):
        for _ in range(5):
            yield bytes([number % 256]) * 700_000
    for number in itertools.count():
        async with store.session(state.key) as session:
            state = await session.append(state, part(number))
        print(line(state), flush=True)
asyncio.run(main())
"""

# Appends its name many times; the state is recorded in a file that is read again inside each hold.
_COMPETE = """
async def main():
    record, key, name, rounds = Path(sys.argv[2]), sys.argv[3], sys.argv[4].encode(), int(sys.argv[5])
    async def body():
        yield name
    while rounds:
        try:
            async with store.session(key) as session:
                state = await session.append(parsed(record.read_text()), body())
                record.write_text(line(state))
                rounds -= 1
        except UploadBusy:
            pass
        # The other one's turn, if it waits for one.
        await asyncio.sleep(0)
asyncio.run(main())
"""

# Commits, and dies before anybody could have recorded the key.
_COMMIT_AND_DIE = """
async def main():
    state = parsed(sys.argv[2])
    async with store.session(state.key) as session:
        await session.commit(state, Digest.parse(sys.argv[3]))
        print("committed", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
async def store(root: Path) -> AsyncIterator[BlobStore]:
    store = FilesystemBlobStore(root, pool_size=2)
    yield store
    await store.close()


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Start a program on the store's folder; it is gone when the test ends."""
    processes: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", _PRELUDE + program, str(root), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


async def test_a_hold_is_respected_by_other_processes_and_ends_with_its_own(store: BlobStore, start: Start) -> None:
    state = await store.begin("sha256")
    holder = start(_HOLD, state.key)
    assert _line(holder) == "held"

    with pytest.raises(UploadBusy):
        async with store.session(state.key):
            pytest.fail("two processes hold one upload")
    holder.kill()
    holder.wait()

    async with store.session(state.key) as session:
        assert session is not None


async def test_two_processes_competing_for_one_upload_never_interleave(
    store: BlobStore, start: Start, root: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    state = await store.begin("sha256")
    record.write_text(_as_line(state))

    competitors = [start(_COMPETE, str(record), state.key, name, "40") for name in ("one,", "two,")]
    endings = [competitor.wait() for competitor in competitors]

    state = _parsed(record.read_text())
    async with store.session(state.key) as session:
        content = (root / "uploads" / state.key).read_bytes()
        await session.commit(state, Digest.of(content))
    assert endings == [0, 0]
    assert state.offset == 2 * 40 * 4
    assert sorted(content.decode().split(",")) == [""] + ["one"] * 40 + ["two"] * 40


@pytest.mark.parametrize("states", [1, 2, 5])
async def test_killed_in_the_middle_of_an_append_the_recorded_offset_is_true(
    store: BlobStore, start: Start, root: Path, states: int
) -> None:
    appender = start(_APPEND)
    recorded = [_parsed(_line(appender)) for _ in range(states)][-1]
    path = root / "uploads" / recorded.key
    while path.stat().st_size <= recorded.offset:
        pass
    appender.kill()
    appender.wait()

    content = b"".join(bytes([number]) * 3_500_000 for number in range(states))
    state = await append(store, recorded, b"and the rest")
    blob = await commit(store, state, Digest.of(content + b"and the rest"))

    assert recorded.offset == len(content)
    assert hashlib.sha256(await content_of(store, blob.key)).digest() == Digest.of(content + b"and the rest").raw


async def test_killed_after_the_commit_the_commit_is_repeated(store: BlobStore, start: Start) -> None:
    digest = Digest.of(b"committed by the dead")
    state = await append(store, await store.begin("sha256"), b"committed by the dead")
    committer = start(_COMMIT_AND_DIE, _as_line(state), str(digest))
    assert _line(committer) == "committed"
    committer.kill()
    committer.wait()

    blob = await commit(store, await append(store, state), digest)

    assert await content_of(store, blob.key) == b"committed by the dead"


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _as_line(state: UploadState) -> str:
    fields = asdict(state)
    return json.dumps({name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()})


def _parsed(line: str) -> UploadState:
    fields: dict[str, Any] = json.loads(line)
    for name in ("hash_state", "backend_state", "tail"):
        fields[name] = bytes.fromhex(fields[name])
    return UploadState(**fields)
