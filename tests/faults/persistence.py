"""Clients that push images to several nodes and, when something fails, try again as docker does."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from oci_spec.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from tests.faults.acts import digest_of
from tests.faults.ledger import Broken

KINDS = ("HEAD blob", "POST upload", "PATCH upload", "PUT upload", "PUT manifest", "GET manifest")
"""What these clients ask."""

T = TypeVar("T")

_CLIENTS = 3
_LAYERS = 24
_PATIENCE_S = 300
_PAUSE_S = 0.1
_VERIFIED_AT_ONCE = 8
_TIMEOUT = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the registry has acknowledged."""

    repository: str
    tag: str
    manifest: bytes
    blobs: tuple[str, ...]


class Failed(Exception):
    """A request was not served; whether anything came of it is not known."""


class Persistent:
    """The clients of the registry at an address (host:port), and all that it has acknowledged to them.

    `failed` counts what was not served, and so was done again. All chances come from `seed`. Each request bears
    `headers`.
    """

    def __init__(self, address: str, seed: object, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self._address, self._seed, self._headers = address, seed, headers
        self.acknowledged: list[Image] = []
        self.failed: Counter[str] = Counter()
        self._changed = asyncio.Condition()
        self._last_sent = ""
        self._sent = 0

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Push one image after another while the block runs; those that were begun are finished."""
        resting = asyncio.Event()
        async with _session(self._headers) as session, asyncio.TaskGroup() as clients:
            for number in range(_CLIENTS):
                clients.create_task(self._work(_Client(self, session, number, self._seed), resting))
            yield
            resting.set()

    async def pushed(self, images: int) -> None:
        """Wait until so many more images are acknowledged."""
        enough = len(self.acknowledged) + images
        await self._until(lambda: len(self.acknowledged) >= enough)

    async def sending(self, kind: str) -> None:
        """Wait until a client sends a request of this kind."""
        before = self._sent
        await self._until(lambda: self._sent > before and self._last_sent == kind)

    async def asking(self, requests: int) -> None:
        """Wait until clients have sent so many more requests."""
        enough = self._sent + requests
        await self._until(lambda: self._sent >= enough)

    async def failure(self) -> None:
        """Wait until a client's request is not served."""
        before = self.failed.total()
        await self._until(lambda: self.failed.total() > before)

    async def verify(self, *addresses: str) -> None:
        """Pull all that was acknowledged from each of these addresses, and compare every byte."""
        async with _session(self._headers) as session:
            for address in addresses:
                await _Pulls(session, address).all_of(self.acknowledged)
        sys.stdout.write(f"{len(self.acknowledged)} images; done again: {dict(self.failed.most_common())}\n")

    async def ask(self, session: aiohttp.ClientSession, kind: str, method: str, path: str, **request: Any) -> Answer:
        """The answer to one request, which was served.

        Raises:
            Failed: it was not.
        """
        await self._note(kind)
        try:
            answer = await _ask(session, method, f"http://{self._address}{path}", **request)
        except (aiohttp.ClientError, TimeoutError) as error:
            await self._note_failure(f"{kind}: {type(error).__name__}")
            raise Failed from error
        if answer.status >= 500:
            await self._note_failure(f"{kind}: {answer.status}")
            raise Failed(answer.status)
        return answer

    async def acknowledge(self, image: Image) -> None:
        """Put down that the registry has all of this image."""
        self.acknowledged.append(image)
        await self._tell()

    async def _work(self, client: _Client, resting: asyncio.Event) -> None:
        while not resting.is_set():
            await client.push_image()

    async def _note(self, kind: str) -> None:
        self._last_sent, self._sent = kind, self._sent + 1
        await self._tell()

    async def _note_failure(self, kind: str) -> None:
        self.failed[kind] += 1
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(condition)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Any
    body: bytes


class _Client:
    """One client, with a repository and tags of its own and layers that all share."""

    def __init__(self, all_of_them: Persistent, session: aiohttp.ClientSession, number: int, seed: object) -> None:
        self._all, self._session = all_of_them, session
        self._repository = f"team/c{number}"
        self._chance = Random(f"{seed} {number}")
        self._count = 0

    async def push_image(self) -> None:
        """Push an image, and see at once what the registry shows of it."""
        self._count += 1
        tag = f"t{self._count}"
        config = json.dumps({"os": "linux", "architecture": "amd64", "unique": f"{self._repository} {tag}"}).encode()
        layers = [_layer(number) for number in self._chance.sample(range(_LAYERS), 2)]
        for content in (*layers, config):
            await self._persist(partial(self._push_blob, content))
        manifest = _manifest(config, layers)
        await self._persist(lambda: self._put_manifest(tag, manifest))
        await self._persist(lambda: self._see(tag, manifest))
        blobs = tuple(digest_of(content) for content in (config, *layers))
        await self._all.acknowledge(Image(self._repository, tag, manifest, blobs))

    async def _push_blob(self, content: bytes) -> None:
        """Do what docker does for a layer; what fails is begun anew, with a session of its own."""
        digest = digest_of(content)
        there = await self._ask("HEAD blob", "HEAD", f"/v2/{self._repository}/blobs/{digest}")
        if _expected(there, 200, 404) == 200:
            return
        opened = await self._ask("POST upload", "POST", f"/v2/{self._repository}/blobs/uploads/")
        _expected(opened, 202)
        sent = await self._ask("PATCH upload", "PATCH", opened.headers["Location"], data=content)
        _expected(sent, 202)
        location = sent.headers["Location"]
        closed = await self._ask("PUT upload", "PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}")
        _expected(closed, 201)

    async def _put_manifest(self, tag: str, manifest: bytes) -> None:
        path = f"/v2/{self._repository}/manifests/{tag}"
        answer = await self._ask("PUT manifest", "PUT", path, data=manifest, headers={"Content-Type": OCI_MANIFEST})
        _expected(answer, 201)

    async def _see(self, tag: str, manifest: bytes) -> None:
        """What one node acknowledged, the next request sees, whichever node it goes to."""
        answer = await self._ask("GET manifest", "GET", f"/v2/{self._repository}/manifests/{tag}")
        _expected(answer, 200)
        if answer.body != manifest:
            raise Broken(f"{self._repository}:{tag} is not what was just pushed")

    async def _ask(self, kind: str, method: str, path: str, **request: Any) -> Answer:
        return await self._all.ask(self._session, kind, method, path, **request)

    async def _persist(self, act: Callable[[], Awaitable[T]]) -> T:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                try:
                    return await act()
                except Failed:
                    await asyncio.sleep(self._chance.uniform(0, _PAUSE_S))


class _Pulls:
    """What one address shows."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session, self._address = session, address
        self._turns = asyncio.Semaphore(_VERIFIED_AT_ONCE)

    async def all_of(self, images: list[Image]) -> None:
        """Pull these, each blob of a repository once."""
        blobs = {(image.repository, digest) for image in images for digest in image.blobs}
        async with asyncio.TaskGroup() as pulls:
            for image in images:
                pulls.create_task(self._manifest(image))
            for repository, digest in sorted(blobs):
                pulls.create_task(self._blob(repository, digest))

    async def _manifest(self, image: Image) -> None:
        for reference in (image.tag, digest_of(image.manifest)):
            body = await self._get(f"/v2/{image.repository}/manifests/{reference}")
            if body != image.manifest:
                raise Broken(f"{image.repository}:{reference} has other bytes")

    async def _blob(self, repository: str, digest: str) -> None:
        body = await self._get(f"/v2/{repository}/blobs/{digest}")
        if digest_of(body) != digest:
            raise Broken(f"the blob {digest} of {repository} has other bytes: {len(body)} of them")

    async def _get(self, path: str) -> bytes:
        async with self._turns:
            answer = await _ask(self._session, "GET", f"http://{self._address}{path}")
        _expected(answer, 200)
        return answer.body


def _session(headers: Mapping[str, str]) -> aiohttp.ClientSession:
    # A connection for each request, so that no client stays with one node or worker.
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, headers=headers, auto_decompress=False)
    # By itself it would repeat what changes nothing, and count as one what was two.
    session._retry_connection = False
    return session


async def _ask(session: aiohttp.ClientSession, method: str, url: str, **request: Any) -> Answer:
    async with session.request(method, URL(url, encoded=True), allow_redirects=False, **request) as response:
        return Answer(response.status, response.headers, await response.read())


def _expected(answer: Answer, *statuses: int) -> int:
    if answer.status not in statuses:
        raise Broken(f"the registry answered {answer.status}, not {statuses}: {answer.body!r}")
    return answer.status


def _manifest(config: bytes, layers: list[bytes]) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(config, OCI_CONFIG),
        "layers": [_descriptor(layer, OCI_LAYER_GZIP) for layer in layers],
    }
    return json.dumps(document).encode()


def _descriptor(content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _layer(number: int) -> bytes:
    return Random(number).randbytes(200_000 if number % 8 == 3 else 300 + 97 * number)
