"""What a client asks of a registry, one request at a time, each entered in the ledger before and after."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from oci_spec.media_types import OCI_INDEX, OCI_MANIFEST
from tests.faults.ledger import Broken, Change, Content, Ledger, OpenUpload, forget, promise
from tests.faults.web import Answer, Interrupted, Web

Document = dict[str, Any]

_STREAMED = 64 << 10


@dataclass(frozen=True, slots=True)
class Pushed:
    """A manifest that a client pushed, and may push again."""

    repository: str
    digest: str
    content: bytes
    media_type: str
    parts: tuple[tuple[str, str], ...]
    """The kind and the digest of everything that has to be there for it."""


@dataclass(frozen=True, slots=True)
class Acts:
    """Requests of one client."""

    web: Web
    ledger: Ledger

    async def has_blob(self, repository: str, digest: str) -> bool:
        """Ask whether a blob is there; a client that is told so builds on it."""
        await self.web.turn()
        blob = self.ledger.blob((repository, digest))
        promised = blob.until
        answer = await self.web.ask("HEAD blob", "HEAD", f"/v2/{repository}/blobs/{digest}")
        if answer.status == 404 and time.monotonic() < promised:
            raise Broken(f"{digest} is gone from {repository}")
        if expected(answer, 200, 404) == 200:
            promise((blob,), answer.sent + self.ledger.lease_s / 2)
        return answer.status == 200

    async def push_whole(self, repository: str, content: bytes) -> str:
        """Push a blob in one request; its digest."""
        digest = digest_of(content)
        path = f"/v2/{repository}/blobs/uploads/?digest={digest}"
        await self.web.turn()
        blob = self.ledger.blob((repository, digest))
        answer = await self.web.ask("POST whole blob", "POST", path, body=content)
        expected(answer, 201)
        promise((blob,), answer.sent + self.ledger.lease_s)
        return digest

    async def open_upload(self, repository: str, content: bytes) -> OpenUpload:
        """Begin an upload session for `content`."""
        answer = await self.web.ask("POST upload", "POST", f"/v2/{repository}/blobs/uploads/")
        expected(answer, 202)
        return OpenUpload(repository, digest_of(content), content, answer.location, since=answer.sent)

    async def append(self, upload: OpenUpload, stop: int, *, streamed: bool) -> None:
        """Send the bytes up to `stop`, with or without telling how many they are."""
        body = upload.content[upload.acknowledged : stop]
        await self.web.turn()
        with self._left_open(upload):
            upload.most = stop
            kind = "PATCH stream" if streamed else "PATCH chunk"
            answer = await self.web.ask(kind, "PATCH", upload.path, body=_stream(body) if streamed else body)
            expected(answer, 202)
            if answer.headers["Range"] != f"0-{stop - 1}":
                raise Broken(f"{stop} bytes were sent, and acknowledged as {answer.headers['Range']}")
            upload.path, upload.acknowledged, upload.since = answer.location, stop, answer.sent

    async def close(self, upload: OpenUpload) -> str:
        """Send what is left, and close the session; the blob's digest."""
        body = upload.content[upload.acknowledged :]
        await self.web.turn()
        with self._left_open(upload):
            upload.most, upload.closing = len(upload.content), True
            blob = self.ledger.blob((upload.repository, upload.digest))
            answer = await self.web.ask("PUT upload", "PUT", f"{upload.path}&digest={upload.digest}", body=body or None)
            expected(answer, 201)
            promise((blob,), answer.sent + self.ledger.lease_s)
            return upload.digest

    async def cancel(self, upload: OpenUpload) -> None:
        """Forget the session."""
        await self.web.turn()
        with self._left_open(upload):
            upload.cancelling = True
            answer = await self.web.ask("DELETE upload", "DELETE", upload.path)
            expected(answer, 204)

    async def mount(self, repository: str, digest: str, source: str) -> bool:
        """Link a blob of `source`; False if that did not work, and nothing is left of the attempt."""
        path = f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}"
        await self.web.turn()
        blob, original = self.ledger.blob((repository, digest)), self.ledger.blob((source, digest))
        promised = original.until
        answer = await self.web.ask("POST mount", "POST", path)
        if expected(answer, 201, 202) == 201:
            promise((blob,), answer.sent + self.ledger.lease_s)
            return True
        if time.monotonic() < promised:
            raise Broken(f"{digest} is gone from {source}: it was not mounted")
        await self.cancel(OpenUpload(repository, digest_of(b""), b"", answer.location, since=answer.sent))
        return False

    async def delete_blob(self, repository: str, digest: str) -> None:
        """Take a blob out of a repository where no manifest needs it."""
        await self.web.turn()
        blob = self.ledger.blob((repository, digest))
        promised = blob.until
        forget(blob)
        answer = await self.web.ask("DELETE blob", "DELETE", f"/v2/{repository}/blobs/{digest}")
        # Where the machine was slower than a lease, a collection came first.
        if answer.status != 404 or time.monotonic() < promised:
            expected(answer, 202)
        blob.gone = True

    async def put_manifest(self, kind: str, manifest: Pushed, *tags: str, shared: bool = False) -> None:
        """Push a manifest, and let `tags` name it: one in the path, more beside the digest."""
        reference = tags[0] if len(tags) == 1 else manifest.digest
        query = "?" + "&".join(f"tag={tag}" for tag in tags) if len(tags) > 1 else ""
        repository = manifest.repository
        place = (repository, manifest.digest)
        await self.web.turn()
        known_before = place in self.ledger.manifests
        content = self.ledger.manifest(place)
        promised = self._parts_until(manifest)
        self._expect_move(manifest, tags, shared=shared)
        try:
            answer = await self.web.ask(
                kind,
                "PUT",
                f"/v2/{repository}/manifests/{reference}{query}",
                body=manifest.content,
                headers={"Content-Type": manifest.media_type},
            )
        except Interrupted:
            if not shared:
                self.ledger.changes.append(Change(place, tags, put=True, known_before=known_before))
            raise
        if b"MANIFEST_BLOB_UNKNOWN" in answer.body and promised < time.monotonic():
            # The parts may be gone by now: the machine was slower than half a lease. Nothing was changed.
            self._give_up_move(manifest, () if shared else tags)
            raise TooLate
        expected(answer, 201)
        promise((content,), answer.sent + self.ledger.lease_s)
        self._settle_move(manifest, tags, shared=shared)

    async def delete_tag(self, repository: str, tag: str) -> None:
        """End a tag that only this client moves."""
        await self.web.turn()
        state = self.ledger.tag((repository, tag))
        state.possible = {state.current, None}
        answer = await self.web.ask("DELETE tag", "DELETE", f"/v2/{repository}/manifests/{tag}")
        expected(answer, 202)
        state.settle(None)

    async def delete_manifest(self, repository: str, digest: str) -> None:
        """Remove a manifest with all tags that name it."""
        await self.web.turn()
        place = (repository, digest)
        content, tags = self.ledger.manifest(place), self.ledger.names_of(place)
        forget(content)
        states = [self.ledger.tag((repository, tag)) for tag in tags]
        for state in states:
            state.possible = {digest, None}
        for (name, tag), shared in self.ledger.shared.items():
            if name == repository and digest in shared.possible:
                self.ledger.shared_tag((name, tag)).unanswered.add(None)
        self.ledger.referrers.pop(place, None)
        try:
            answer = await self.web.ask("DELETE manifest", "DELETE", f"/v2/{repository}/manifests/{digest}")
        except Interrupted:
            self.ledger.changes.append(Change(place, tuple(tags), put=False, known_before=True))
            raise
        expected(answer, 202)
        content.gone = True
        for state in states:
            state.settle(None)

    def _expect_move(self, manifest: Pushed, tags: Sequence[str], *, shared: bool) -> None:
        for tag in tags:
            if shared:
                self.ledger.shared_tag((manifest.repository, tag)).unanswered.add(manifest.digest)
            else:
                state = self.ledger.tag((manifest.repository, tag))
                state.possible = {state.current, manifest.digest}

    def _settle_move(self, manifest: Pushed, tags: Sequence[str], *, shared: bool) -> None:
        for tag in tags:
            if shared:
                self.ledger.shared_tag((manifest.repository, tag)).answered.add(manifest.digest)
            else:
                self.ledger.tag((manifest.repository, tag)).settle(manifest.digest)

    def _give_up_move(self, manifest: Pushed, tags: Sequence[str]) -> None:
        for tag in tags:
            state = self.ledger.tag((manifest.repository, tag))
            state.settle(state.current)

    def _parts_until(self, manifest: Pushed) -> float:
        """Until when everything is certainly there that a manifest names."""
        if self.ledger.names_of((manifest.repository, manifest.digest)):
            return math.inf
        return min(self._part(manifest.repository, *part).until for part in manifest.parts)

    def _part(self, repository: str, kind: str, digest: str) -> Content:
        place = (repository, digest)
        return self.ledger.manifest(place) if kind == "manifest" else self.ledger.blob(place)

    @contextmanager
    def _left_open(self, upload: OpenUpload) -> Iterator[None]:
        """Remember a session whose request is not answered, to be gone on with."""
        try:
            yield
        except Interrupted as error:
            upload.story.append(f"{error!r} {error.__cause__!r} {upload}")
            self.ledger.uploads.append(upload)
            raise
        except Broken as error:
            error.add_note("\n".join(upload.story))
            raise


class TooLate(Exception):
    """A push came so late after its parts that they may have been collected."""


def expected(answer: Answer, *statuses: int) -> int:
    """The answer's status, which is one of these."""
    if answer.status not in statuses:
        raise Broken(f"the registry answered {answer.status}, not {statuses}: {answer.body!r}")
    return answer.status


def digest_of(content: bytes) -> str:
    """The sha256 digest of `content`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(repository: str, config: Document, layers: Sequence[Document], **fields: Any) -> Pushed:
    """An image of parts that are in `repository`."""
    blobs = tuple(("blob", part["digest"]) for part in (config, *layers))
    document = {"mediaType": OCI_MANIFEST, "config": config, "layers": list(layers), **fields}
    return _pushed(repository, document, blobs)


def index(repository: str, children: Sequence[Pushed]) -> Pushed:
    """An index of these manifests."""
    listed = [_descriptor(child) for child in children]
    parts = tuple(("manifest", child.digest) for child in children)
    return _pushed(repository, {"mediaType": OCI_INDEX, "manifests": listed}, parts)


def referrer(subject: Pushed, empty: Document, note: str) -> Pushed:
    """An artifact about `subject`."""
    return image(
        subject.repository,
        empty,
        [empty],
        artifactType="application/vnd.example.note",
        subject=_descriptor(subject),
        annotations={"note": note},
    )


def _descriptor(manifest: Pushed) -> Document:
    return {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}


def _pushed(repository: str, document: Document, parts: tuple[tuple[str, str], ...]) -> Pushed:
    content = json.dumps({"schemaVersion": 2, **document}).encode()
    return Pushed(repository, digest_of(content), content, document["mediaType"], parts)


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _STREAMED):
        yield content[start : start + _STREAMED]
