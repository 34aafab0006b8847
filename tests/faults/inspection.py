"""Whether a registry keeps what its ledger says: asked over HTTP, while no client changes anything."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from tests.faults.acts import digest_of, expected
from tests.faults.ledger import Broken, Change, Content, Ledger, OpenUpload, Place, promise
from tests.faults.web import Answer, Web

_AT_ONCE = 8
_OLDER = 2


class Inspection:
    """One look at a registry; `counts` says how much of what was compared."""

    def __init__(self, web: Web, ledger: Ledger, counts: Counter[str]) -> None:
        self._web, self._ledger, self._counts = web, ledger, counts
        self._turns = asyncio.Semaphore(_AT_ONCE)
        # What was seen whole, and when that was asked: nothing changes meanwhile, so it is not asked again.
        self._whole: dict[tuple[str, Place], float] = {}

    async def look_at_what_was_touched(self, chance: Random) -> None:
        """Compare everything that changed, or may have changed, since the last look, and some of what did not."""
        touched = self._ledger.touched
        for kind, known in (
            ("blob", self._ledger.blobs),
            ("manifest", self._ledger.manifests),
            ("tag", self._ledger.tags),
        ):
            places: Sequence[Place] = list(known)
            touched |= {(kind, place) for place in chance.sample(places, min(_OLDER, len(places)))}
        self._ledger.touched = set()
        await self._look(touched)

    async def look_at_everything(self) -> None:
        """Compare all that the ledger knows, and that there are no tags besides."""
        ledger = self._ledger
        everything = {
            *(("blob", place) for place in ledger.blobs),
            *(("manifest", place) for place in ledger.manifests),
            *(("tag", place) for place in ledger.tags),
            *(("shared", place) for place in ledger.shared),
            *(("referrers", place) for place in ledger.referrers),
        }
        ledger.touched = set()
        await self._look(everything)
        await self._each(self._compare_history(place) for place in sorted(ledger.tags))
        await self._each(self._compare_tags(name) for name in sorted({name for name, _ in ledger.tags}))

    async def look_at_tags(self) -> None:
        """Compare what all tags name, and everything that this needs."""
        await self._look(
            {*(("tag", place) for place in self._ledger.tags), *(("shared", place) for place in self._ledger.shared)}
        )

    async def _look(self, things: set[tuple[str, Place]]) -> None:
        uploads, changes = self._ledger.uploads, self._ledger.changes
        self._ledger.uploads, self._ledger.changes = [], []
        await self._each(self._compare_upload(upload) for upload in uploads)
        for change in changes:
            await self._compare_change(change)
        kinds = {
            "tag": self._compare_tag,
            "shared": self._compare_shared_tag,
            "manifest": self._compare_manifest,
            "blob": self._compare_blob,
            "referrers": self._compare_referrers,
        }
        for kind, compare in kinds.items():
            await self._each(compare(place) for name, place in sorted(things) if name == kind)

    async def _each(self, comparisons: Any) -> None:
        async def one(comparison: Awaitable[None]) -> None:
            async with self._turns:
                await comparison

        async with asyncio.TaskGroup() as tasks:
            for comparison in comparisons:
                tasks.create_task(one(comparison))

    async def _compare_upload(self, upload: OpenUpload) -> None:
        """A session tells how many of its bytes are there, and is only gone where its end was asked for."""
        self._counts["upload"] += 1
        answer = await self._get(upload.path)
        upload.story.append(f"told {answer.status} {answer.headers.get('Range')} {answer.headers['X-Request-ID']}")
        if expected(answer, 204, 404) == 204:
            told = int(answer.headers["Range"].removeprefix("0-"))
            offset = told + 1 if told else 0
            if not upload.acknowledged <= offset <= upload.most:
                raise Broken(f"{upload.acknowledged} to {upload.most} bytes were sent; {offset} are told")
            upload.acknowledged = upload.most = offset
            upload.path, upload.closing, upload.cancelling = answer.location, False, False
            self._ledger.uploads.append(upload)
        elif upload.closing and not upload.may_have_expired():
            await self._require_blob((upload.repository, upload.digest))
        elif not upload.cancelling and not upload.may_have_expired():
            raise Broken(f"an upload session is gone, of which {upload.acknowledged} bytes were acknowledged")

    async def _compare_change(self, change: Change) -> None:
        """All of an unanswered request was done, or nothing of it."""
        repository, digest = change.manifest
        self._counts["unanswered change"] += 1
        found = {tag: await self._named(repository, tag) for tag in change.tags}
        answer = await self._get(f"/v2/{repository}/manifests/{digest}")
        present = expected(answer, 200, 404) == 200
        unchanged = {tag for tag in change.tags if change.put and self._ledger.tags[repository, tag].current == digest}
        seen = {name == digest for tag, name in found.items() if tag not in unchanged}
        if not (change.put and change.known_before):
            seen.add(present)
        if len(seen) > 1:
            raise Broken(f"half of a change is visible: {change}, tags {found}, manifest {answer.status}")

    async def _compare_tag(self, place: Place) -> None:
        self._counts["tag"] += 1
        state = self._ledger.tags[place]
        found = await self._named(*place)
        possible = state.possible or {state.current}
        if found not in possible:
            raise Broken(f"{place} names {found}; it may name {possible}")
        state.settle(found)
        if found is not None:
            await self._require_manifest((place[0], found))

    async def _compare_shared_tag(self, place: Place) -> None:
        self._counts["shared tag"] += 1
        state = self._ledger.shared[place]
        found = await self._named(*place)
        if found not in state.possible:
            raise Broken(f"{place} names {found}; it may name {state.possible}")
        state.settle(found)
        if found is not None:
            await self._require_manifest((place[0], found))

    async def _compare_manifest(self, place: Place) -> None:
        """It is there if that was promised, not if it was deleted; if it is there, it is whole."""
        state = self._ledger.manifests[place]
        if ("manifest", place) not in self._whole:
            answer = await self._get(f"/v2/{place[0]}/manifests/{place[1]}")
            if expected(answer, 200, 404) == 404:
                if state.is_promised:
                    raise Broken(f"the manifest {place} is lost")
                return
            await self._require_whole_manifest(answer, place)
        self._is_there(state, "manifest", place)

    async def _compare_blob(self, place: Place) -> None:
        """It is there if that was promised, not if it was deleted; if it is there, its bytes are right."""
        state = self._ledger.blobs[place]
        if ("blob", place) not in self._whole:
            answer = await self._get(f"/v2/{place[0]}/blobs/{place[1]}")
            if expected(answer, 200, 404) == 404:
                if state.is_promised:
                    raise Broken(f"the blob {place} is lost")
                return
            self._require_bytes(answer, place)
        self._is_there(state, "blob", place)

    def _is_there(self, state: Content, kind: str, place: Place) -> None:
        """It was seen, which is wrong if it was deleted, and means that it stays for a while."""
        if state.gone:
            raise Broken(f"the {kind} {place} was deleted, and is there")
        promise((state,), self._whole[kind, place] + self._ledger.lease_s / 2)

    async def _compare_referrers(self, place: Place) -> None:
        """All referrers of a subject that a tag holds are listed."""
        if place not in self._ledger.referrers or not self._ledger.names_of(place):
            return
        self._counts["referrers"] += 1
        answer = await self._get(f"/v2/{place[0]}/referrers/{place[1]}")
        expected(answer, 200)
        listed = {entry["digest"] for entry in json.loads(answer.body)["manifests"]}
        for digest in sorted(self._ledger.referrers[place]):
            found = await self._get(f"/v2/{place[0]}/manifests/{digest}")
            if (found.status == 200) != (digest in listed):
                raise Broken(f"the referrer {digest} of {place}: {found.status}, and listed are {listed}")

    async def _compare_history(self, place: Place) -> None:
        """A tag's history tells each of its moves, without gap or overlap."""
        self._counts["history"] += 1
        rows: list[dict[str, Any]] = []
        path = f"/api/v1/repositories/{place[0]}/tags/{place[1]}/history?limit=1000"
        answer = await self._get(path)
        moves = self._ledger.tags[place].history[1:]
        if expected(answer, 200, 404) == 200:
            rows = json.loads(answer.body)["history"][::-1]
        told: list[str | None] = []
        for row, following in pairwise([*rows, None]):
            assert row is not None
            told.append(row["digest"])
            if following is None:
                told += [None] * (row["valid_until"] is not None)
            elif row["valid_until"] is None or row["valid_until"] > following["valid_from"]:
                raise Broken(f"intervals of {place} overlap: {row}, {following}")
            elif row["valid_until"] < following["valid_from"]:
                told.append(None)
        if told != moves:
            raise Broken(f"the history of {place} tells {told}; its moves were {moves}")

    async def _compare_tags(self, name: str) -> None:
        answer = await self._get(f"/v2/{name}/tags/list?n=1000")
        expected(answer, 200)
        own = {tag for (repository, tag), state in self._ledger.tags.items() if repository == name and state.current}
        shared = {
            tag for (repository, tag), state in self._ledger.shared.items() if repository == name and state.before
        }
        if set(json.loads(answer.body)["tags"] or ()) != own | shared:
            raise Broken(f"{name} lists {answer.body!r}; it has {own | shared}")

    async def _require_manifest(self, place: Place) -> None:
        """The manifest is there, with the bytes of its digest and with everything that it names."""
        if ("manifest", place) not in self._whole:
            # Or else others that need it ask, too, until it is answered.
            self._whole["manifest", place] = time.monotonic()
            answer = await self._get(f"/v2/{place[0]}/manifests/{place[1]}")
            expected(answer, 200)
            await self._require_whole_manifest(answer, place)

    async def _require_whole_manifest(self, answer: Answer, place: Place) -> None:
        self._whole["manifest", place] = answer.sent
        self._counts["manifest"] += 1
        if digest_of(answer.body) != place[1]:
            raise Broken(f"the manifest {place} has other bytes")
        document = json.loads(answer.body)
        for child in document.get("manifests", ()):
            await self._require_manifest((place[0], child["digest"]))
        for part in (*document.get("layers", ()), *filter(None, (document.get("config"),))):
            await self._require_blob((place[0], part["digest"]))

    async def _require_blob(self, place: Place) -> None:
        if ("blob", place) not in self._whole:
            # Or else others that need it ask, too, until it is answered.
            self._whole["blob", place] = time.monotonic()
            answer = await self._get(f"/v2/{place[0]}/blobs/{place[1]}")
            expected(answer, 200)
            self._require_bytes(answer, place)

    def _require_bytes(self, answer: Answer, place: Place) -> None:
        self._whole["blob", place] = answer.sent
        self._counts["blob"] += 1
        if digest_of(answer.body) != place[1]:
            raise Broken(f"the blob {place} has other bytes: {len(answer.body)} of them")

    async def _named(self, repository: str, tag: str) -> str | None:
        answer = await self._get(f"/v2/{repository}/manifests/{tag}", "HEAD")
        found: str | None = answer.headers["Docker-Content-Digest"] if expected(answer, 200, 404) == 200 else None
        return found

    async def _get(self, path: str, method: str = "GET") -> Answer:
        return await self._web.look(method, path)
