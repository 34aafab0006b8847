"""Upload sessions against a model: any requests, to any worker, with restarts in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from oci_spec.digest import Digest
from registry.errors import (
    BlobTooLarge,
    BlobUnknown,
    BodyIncomplete,
    DigestMismatch,
    RegistryError,
    SizeInvalid,
    UploadRangeInvalid,
    UploadUnknown,
)
from registry.metadata.rows import Upload
from registry.services import deletion, pull, upload_expiry, uploads
from registry.services.context import Services, now
from registry.services.upload_body import Body
from tests.registry.assembly import access_to, open_services
from tests.registry.uploading import body, broken_body, stored_blobs, stored_bytes, upload_files

ACCESS = access_to("team/app")
BLOB_BYTES = 4 << 20

# Mostly small: what is larger than a block of the store is written in another way.
sizes = st.sampled_from([0, 1, 2, 17, 4096, (1 << 20) + 7])
algorithms = st.sampled_from(["sha256", "sha512"])
offsets = st.sampled_from([None, 0, -1, 1])


@dataclass(eq=False)
class Session:
    """What a session holds, as its client believes."""

    id: str
    content: bytes = b""
    is_open: bool = True


@dataclass(frozen=True)
class Sent:
    """A body as it is going to be sent: the sizes of its chunks, and what is wrong with what it says of itself."""

    sizes: tuple[int, ...]
    filling: int = 0
    start_shift: int | None = None
    length_shift: int | None = None
    is_broken: bool = False

    @property
    def chunks(self) -> list[bytes]:
        return [bytes([self.filling]) * size for size in self.sizes]

    @property
    def content(self) -> bytes:
        return b"".join(self.chunks)

    def body(self, offset: int) -> Body:
        start = None if self.start_shift is None else max(0, offset + self.start_shift)
        # Where no byte was announced none can come, nor fail to come: HTTP ends the body there.
        least = 1 if self.content or self.is_broken else 0
        length = None if self.length_shift is None else max(least, len(self.content) + self.length_shift)
        return (broken_body if self.is_broken else body)(*self.chunks, start=start, length=length)

    def refusal(self, offset: int) -> type[RegistryError] | None:
        """What is wrong with it for a session that stands at `offset`, and for the model to expect."""
        sent = self.body(offset)
        if sent.start is not None and sent.start != offset:
            return UploadRangeInvalid
        size = len(self.content)
        if sent.length is not None and offset + sent.length > BLOB_BYTES:
            return BlobTooLarge
        if sent.length is not None and size > sent.length:
            return SizeInvalid
        if offset + size > BLOB_BYTES:
            return BlobTooLarge
        if self.is_broken:
            return BodyIncomplete
        return SizeInvalid if sent.length is not None and size != sent.length else None


bodies = st.builds(
    Sent,
    st.lists(sizes, max_size=3).map(tuple),
    filling=st.integers(0, 255),
    start_shift=offsets,
    length_shift=offsets,
    is_broken=st.sampled_from([False, False, False, True]),
)


@dataclass
class Registry:
    """Two workers over the same files, which can be stopped and started."""

    root: Path
    url: str
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    workers: list[Services] = field(default_factory=list)
    open_parts: AsyncExitStack = field(default_factory=AsyncExitStack)

    def start(self) -> None:
        self.run(self._start())

    def stop(self) -> None:
        self.run(self.open_parts.aclose())

    def run(self, work: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await work

        return self.runner.run(awaited())

    async def _start(self) -> None:
        self.workers = [
            await self.open_parts.enter_async_context(open_services(self.root, self.url, blob_bytes=BLOB_BYTES))
            for _ in range(2)
        ]


class UploadSessions(RuleBasedStateMachine):
    """The model: which sessions are open, what they hold, and which blobs can be pulled."""

    root: Path
    url: str
    sessions = Bundle("sessions")
    workers = st.integers(0, 1)

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry(self.root, self.url)
        self.registry.start()
        self.known: list[Session] = []
        self.blobs: dict[Digest, bytes] = {}
        self.refused: set[Digest] = set()

    def teardown(self) -> None:
        for session in self.known:
            if session.is_open:
                self.registry.run(uploads.cancel(self.registry.workers[0], ACCESS, session.id))
        assert upload_files(self.root) == []
        assert len(stored_blobs(self.root)) == len(self.blobs)
        self.registry.run(self._forget_blobs())
        self.registry.stop()
        self.registry.runner.close()

    async def _forget_blobs(self) -> None:
        """Leave nothing to the next example, which has the same files."""
        services = self.registry.workers[0]
        async for stored in services.store.list_keys():
            await services.store.delete(stored.key)
        if self.blobs:
            await deletion.repository(services, ACCESS)

    @rule(target=sessions, worker=workers, algorithm=algorithms)
    def start(self, worker: int, algorithm: str) -> Session:
        upload: Upload = self.registry.run(uploads.start(self.registry.workers[worker], ACCESS, algorithm))
        self.known.append(Session(upload.id))
        return self.known[-1]

    @rule(session=sessions, worker=workers, sent=bodies)
    def append(self, session: Session, worker: int, sent: Sent) -> None:
        offset = len(session.content)
        refusal = sent.refusal(offset) if session.is_open else UploadUnknown
        work = uploads.append(self.registry.workers[worker], ACCESS, session.id, sent.body(offset))

        self._attempt(work, refusal)

        if refusal in {None, BodyIncomplete}:
            session.content += sent.content

    @rule(session=sessions, worker=workers, sent=bodies, algorithm=algorithms, is_true=st.booleans())
    def finish(self, session: Session, worker: int, sent: Sent, algorithm: str, is_true: bool) -> None:
        offset = len(session.content)
        refusal = sent.refusal(offset) if session.is_open else UploadUnknown
        whole = session.content + sent.content
        digest = Digest.of(whole if is_true else whole + b"?", algorithm)
        if refusal is None and not is_true:
            refusal = DigestMismatch
        work = uploads.finish(self.registry.workers[worker], ACCESS, session.id, digest, body=sent.body(offset))

        self._attempt(work, refusal)

        if refusal is BodyIncomplete:
            session.content = whole
        if refusal in {None, DigestMismatch}:
            session.is_open = False
        self._remember(digest, whole, refusal)

    @rule(worker=workers, sent=bodies, algorithm=algorithms, is_true=st.booleans())
    def receive(self, worker: int, sent: Sent, algorithm: str, is_true: bool) -> None:
        sent = replace(sent, start_shift=None)
        digest = Digest.of(sent.content if is_true else sent.content + b"?", algorithm)
        refusal = sent.refusal(0) or (None if is_true else DigestMismatch)

        self._attempt(uploads.receive(self.registry.workers[worker], ACCESS, digest, sent.body(0)), refusal)

        self._remember(digest, sent.content, refusal)

    @rule(session=consumes(sessions), worker=workers)
    def cancel(self, session: Session, worker: int) -> None:
        work = uploads.cancel(self.registry.workers[worker], ACCESS, session.id)

        self._attempt(work, None if session.is_open else UploadUnknown)

        session.is_open = False

    @rule(worker=workers)
    def expire(self, worker: int) -> None:
        services = self.registry.workers[worker]
        later = now() + timedelta(seconds=services.settings.upload_expire_s)
        expected = sum(session.is_open for session in self.known)

        assert self.registry.run(upload_expiry.expire(services, later, 1000)) == expected

        for session in self.known:
            session.is_open = False

    @rule()
    def restart(self) -> None:
        self.registry.stop()
        self.registry.start()

    @invariant()
    def every_session_tells_the_truth(self) -> None:
        for session in self.known:
            work = uploads.status(self.registry.workers[len(session.content) % 2], ACCESS, session.id)
            if session.is_open:
                assert self.registry.run(work).offset == len(session.content)
            else:
                self._attempt(work, UploadUnknown)

    @invariant()
    def what_was_closed_rightly_can_be_pulled_and_nothing_else(self) -> None:
        for digest, content in self.blobs.items():
            assert self.registry.run(self._pulled(digest)) == content
        for digest in self.refused - self.blobs.keys():
            self._attempt(pull.blob(self.registry.workers[0], ACCESS, digest), BlobUnknown)

    def _attempt(self, work: Awaitable[Any], refusal: type[RegistryError] | None) -> None:
        with nullcontext() if refusal is None else pytest.raises(refusal):
            self.registry.run(work)

    def _remember(self, digest: Digest, content: bytes, refusal: type[RegistryError] | None) -> None:
        if refusal is None:
            self.blobs[digest] = content
        else:
            self.refused.add(digest)

    async def _pulled(self, digest: Digest) -> bytes:
        services = self.registry.workers[1]
        return await stored_bytes(services, (await pull.blob(services, ACCESS, digest)).key)


def test_upload_sessions_do_what_the_model_says(storage_root: Path, sqlite_url: str) -> None:
    class Machine(UploadSessions):
        root = storage_root
        url = sqlite_url

    run_state_machine_as_test(Machine, settings=settings(max_examples=25, stateful_step_count=12))
