"""Clients that push, move, mount and delete by chance, each what is its own, and some of what all share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import lru_cache
from random import Random

from oci_spec.media_types import OCI_CONFIG, OCI_LAYER_GZIP
from tests.faults.acts import Acts, Document, Pushed, TooLate, digest_of, expected, image, index, referrer
from tests.faults.ledger import UPLOAD_EXPIRE_S, Broken, Ledger
from tests.faults.web import Interrupted, Web

# Open upload sessions keep a repository's leases: in the other half of the repositories more is collected.
REPOSITORIES = ("team/a", "team/b", "team/c", "team/d")
WITH_SESSIONS = REPOSITORIES[:2]
SOURCE = "team/source"
SHARED_TAG = "latest"

_OWN_TAGS = 3


class Client:
    """One client of `repository`, whose tags begin with its number, and whose chances come from the seed."""

    def __init__(self, number: int, web: Web, ledger: Ledger, seed: object, layers: int) -> None:
        self.repository = REPOSITORIES[number % len(REPOSITORIES)]
        self._acts = Acts(web, ledger)
        self._web, self._ledger = web, ledger
        self._chance = Random(f"{seed} {number}")
        self._name, self._count, self._layers = f"c{number}", 0, layers
        self._pushed: dict[str, Pushed] = {}

    async def work(self) -> None:
        """Do one thing after another, for ever; what is interrupted is given up, but for upload sessions."""
        acts: dict[Callable[[], Awaitable[None]], int] = {
            self._push_image: 6,
            self._push_index: 4,
            self._push_referrer: 3,
            self._move_tag: 3,
            self._move_shared_tag: 3,
            self._delete_tag: 3,
            self._delete_manifest: 2,
            self._mount_and_delete_the_source: 3,
            self._push_in_chunks: 3,
            self._cancel_upload: 1,
        }
        while True:
            with suppress(Interrupted, TooLate):
                await self._go_on_with_uploads()
                [act] = self._chance.choices(list(acts), list(acts.values()))
                await act()

    async def _go_on_with_uploads(self) -> None:
        """Finish a session that was open when the registry was last killed, from the offset that it told since."""
        while True:
            # How far it is is not known before the gate is open again.
            await self._web.turn()
            if not self._ledger.uploads:
                return
            upload = self._ledger.uploads.pop()
            if upload.may_have_expired(within_s=UPLOAD_EXPIRE_S / 2):
                continue
            if self._chance.random() < 0.2:
                await self._acts.cancel(upload)
                continue
            if upload.acknowledged < len(upload.content):
                await self._acts.append(upload, len(upload.content), streamed=self._chance.random() < 0.5)
            await self._acts.close(upload)

    async def _push_image(self) -> None:
        layers = [await self._layer() for _ in range(self._chance.randint(1, 2))]
        made = await self._image(layers)
        tags = self._chance.sample(self._tags(), self._chance.choice((1, 1, 2)))
        await self._put("PUT manifest", made, *tags)

    async def _push_index(self) -> None:
        children = []
        for _ in range(2):
            child = await self._image([await self._layer()])
            await self._acts.put_manifest("PUT manifest by digest", child)
            children.append(child)
        await self._put("PUT index", index(self.repository, children), self._chance.choice(self._tags()))

    async def _push_referrer(self) -> None:
        subject = self._some_tagged()
        if subject is None:
            return
        await self._acts.push_whole(self.repository, b"{}")
        empty = _descriptor(b"{}", "application/vnd.oci.empty.v1+json")
        artifact = referrer(subject, empty, self._unique())
        place = (self.repository, subject.digest)
        await self._web.turn()
        self._ledger.touched.add(("referrers", place))
        self._ledger.referrers.setdefault(place, set()).add(artifact.digest)
        await self._acts.put_manifest("PUT referrer", artifact)
        answer = await self._web.ask("GET referrers", "GET", f"/v2/{self.repository}/referrers/{subject.digest}")
        if expected(answer, 200) and artifact.digest.encode() not in answer.body:
            raise Broken(f"{artifact.digest} is not among the referrers of its subject")

    async def _move_tag(self) -> None:
        target = self._some_tagged()
        if target is not None:
            await self._acts.put_manifest("PUT tag", target, self._chance.choice(self._tags()))

    async def _move_shared_tag(self) -> None:
        target = self._some_tagged()
        if target is not None:
            await self._acts.put_manifest("PUT shared tag", target, SHARED_TAG, shared=True)

    async def _delete_tag(self) -> None:
        tag = self._chance.choice(self._tags())
        if self._ledger.named(self.repository, tag) is not None:
            await self._acts.delete_tag(self.repository, tag)

    async def _delete_manifest(self) -> None:
        target = self._some_tagged()
        if target is not None:
            await self._acts.delete_manifest(self.repository, target.digest)

    async def _mount_and_delete_the_source(self) -> None:
        content = self._unique().encode() * 50
        digest = await self._acts.push_whole(SOURCE, content)
        mounted = await self._acts.mount(self.repository, digest, SOURCE)
        await self._acts.delete_blob(SOURCE, digest)
        if mounted:
            await self._acts.has_blob(self.repository, digest)
            if self._chance.random() < 0.5:
                await self._acts.delete_blob(self.repository, digest)

    async def _push_in_chunks(self) -> None:
        repository = self._chance.choice(WITH_SESSIONS)
        content = self._chance.randbytes(self._chance.choice((3_000, 40_000, 700_000)))
        upload = await self._acts.open_upload(repository, content)
        # Not behind the first byte: who is told "0-0" does not know whether it is there.
        stops = sorted(self._chance.sample(range(2, len(content)), self._chance.randint(0, 2)))
        for stop in (*stops, *self._chance.choices(((), (len(content),)))[0]):
            await self._acts.append(upload, stop, streamed=self._chance.random() < 0.5)
        await self._acts.close(upload)

    async def _cancel_upload(self) -> None:
        upload = await self._acts.open_upload(self._chance.choice(WITH_SESSIONS), self._unique().encode() * 100)
        await self._acts.append(upload, 100, streamed=False)
        await self._acts.cancel(upload)

    async def _layer(self) -> Document:
        """A layer of those that all images share, pushed in one way or another if it is not there."""
        content = _layer(self._chance.randrange(self._layers))
        digest = digest_of(content)
        if not await self._acts.has_blob(self.repository, digest):
            other = self._chance.choice(REPOSITORIES)
            if self._chance.random() >= 0.3 or not await self._acts.mount(self.repository, digest, other):
                await self._push_blob(content)
        return _descriptor(content, OCI_LAYER_GZIP)

    async def _push_blob(self, content: bytes) -> None:
        if self.repository not in WITH_SESSIONS:
            await self._acts.push_whole(self.repository, content)
            return
        upload = await self._acts.open_upload(self.repository, content)
        if self._chance.random() < 0.5:
            await self._acts.append(upload, len(content), streamed=True)
        await self._acts.close(upload)

    async def _image(self, layers: list[Document]) -> Pushed:
        config = f'{{"os": "linux", "architecture": "amd64", "unique": "{self._unique()}"}}'.encode()
        await self._push_blob(config)
        made = image(self.repository, _descriptor(config, OCI_CONFIG), layers)
        self._pushed[made.digest] = made
        return made

    async def _put(self, kind: str, manifest: Pushed, *tags: str) -> None:
        self._pushed[manifest.digest] = manifest
        await self._acts.put_manifest(kind, manifest, *tags)

    def _some_tagged(self) -> Pushed | None:
        """One of this client's manifests that its tags are known to name."""
        named = {self._ledger.named(self.repository, tag) for tag in self._tags()}
        known = sorted(digest for digest in named if digest is not None)
        return self._pushed[self._chance.choice(known)] if known else None

    def _tags(self) -> list[str]:
        return [f"{self._name}-{number}" for number in range(_OWN_TAGS)]

    def _unique(self) -> str:
        self._count += 1
        return f"{self._name} {self._count}"


def _descriptor(content: bytes, media_type: str) -> Document:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


@lru_cache(maxsize=100)
def _layer(number: int) -> bytes:
    size = 1_000_000 if number % 20 == 7 else 200_000 if number % 7 == 3 else 300 + 97 * number
    return Random(number).randbytes(size)
