"""Answers that are too long, too slow, or something else than was asked for."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_INDEX, OCI_MANIFEST
from oci_spec.reference import RepositoryName, Tag
from registry_client import limits
from registry_client.client import RegistryClient
from registry_client.errors import (
    AnswerInvalid,
    DigestMismatch,
    RedirectRefused,
    Refused,
    RegistryClientError,
    SizeMismatch,
    TooLarge,
    Unreachable,
)
from registry_client.origin import Origin
from registry_client.settings import Settings
from registry_client.sources import BytesSource
from tests.contracts.registry_client import MIB, content_of
from tests.registry_client.scripted import Script, scripted

REPOSITORY = RepositoryName("a/b")
CONTENT = b"content"
Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def endless(content_type: str) -> Script:
    """A body that goes on for as long as somebody reads."""

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        while True:
            await response.write(b" " * MIB)

    return script


@asynccontextmanager
async def raw(connected: Connected) -> AsyncIterator[Origin]:
    """A server on the loopback interface that deals with its connections as bytes."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await connected(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(
        lambda reader, writer: tasks.add(asyncio.ensure_future(serve(reader, writer))), "127.0.0.1", 0
    )
    try:
        yield Origin("http", "127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def saying(*parts: bytes) -> Connected:
    """A server that says the same to everybody."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()

    return connected


async def test_bodies_without_an_end_are_left(session: aiohttp.ClientSession, quick: Settings) -> None:
    for content_type in ("application/json", OCI_INDEX):
        async with scripted(endless(content_type)) as registry:
            repository = registry.client(session, quick).repository(REPOSITORY)

            with pytest.raises(TooLarge):
                await repository.manifest(Tag("latest"))
            with pytest.raises(TooLarge):
                [tag async for tag in repository.tags()]
            with pytest.raises(RegistryClientError):
                [found async for found in repository.referrers(Digest.of(CONTENT))]
            with pytest.raises(SizeMismatch):
                await content_of(repository, CONTENT, len(CONTENT))


async def test_an_errors_body_without_an_end_is_an_error(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=400)
        await response.prepare(request)
        while True:
            await response.write(b" " * MIB)

    async with scripted(script) as registry:
        with pytest.raises(Refused) as refused:
            await registry.client(session, quick).ping()

    assert refused.value.status == 400


@pytest.mark.parametrize("path", ["manifest", "ping"])
async def test_a_body_that_drips_is_left(session: aiohttp.ClientSession, quick: Settings, path: str) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    impatient = replace(quick, answer_s=0.2, attempts=2)
    async with scripted(script) as registry:
        client = registry.client(session, impatient)
        with pytest.raises(Unreachable):
            await (client.ping() if path == "ping" else client.repository(REPOSITORY).manifest(Tag("latest")))

    assert len(registry.requests) == 2


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * (2 * limits.HEADER_BYTES) + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: a\r\n" * (4 * limits.HEADERS) + b"\r\n",
        b"HTTP/1.1 200 " + b"a" * (2 * limits.HEADER_BYTES) + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_no_proper_head_is_no_answer(
    session: aiohttp.ClientSession, quick: Settings, head: bytes
) -> None:
    async with raw(saying(head)) as origin:
        with pytest.raises(AnswerInvalid):
            await RegistryClient(session, origin, settings=quick).ping()


async def test_heads_without_an_end_are_left(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: a\r\n" * 1000)
            await writer.drain()

    async with raw(connected) as origin:
        with pytest.raises(AnswerInvalid):
            await RegistryClient(session, origin, settings=quick).ping()


async def test_an_upload_that_nobody_reads_is_left(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith((b"POST", b"HEAD")):
            status = b"404 Not Found" if head.startswith(b"HEAD") else b"202 Accepted\r\nLocation: /session"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        await asyncio.Event().wait()

    content = bytes(64 * MIB)
    impatient = replace(quick, stall_s=0.3, attempts=1)
    async with raw(connected) as origin:
        repository = RegistryClient(session, origin, settings=impatient).repository(REPOSITORY)
        with pytest.raises(Unreachable):
            await repository.push_blob(Digest.of(content), BytesSource(content))


async def test_an_answer_that_does_not_come_is_not_waited_for(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with raw(connected) as origin:
        with pytest.raises(Unreachable):
            await RegistryClient(session, origin, settings=replace(quick, stall_s=0.1, attempts=2)).ping()


async def test_what_comes_encoded_is_not_taken_for_its_bytes(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def script(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        headers = {"Content-Encoding": "gzip", "Content-Type": OCI_MANIFEST}
        return web.Response(body=gzip.compress(CONTENT), headers=headers)

    async with scripted(script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        with pytest.raises(AnswerInvalid, match="encoded"):
            await content_of(repository, CONTENT)
        with pytest.raises(AnswerInvalid, match="encoded"):
            await repository.manifest(Tag("latest"))


@pytest.mark.parametrize("told", [Digest.of(b"another"), Digest.of(b"another", "sha512")])
async def test_a_manifest_is_what_its_bytes_are(session: aiohttp.ClientSession, quick: Settings, told: Digest) -> None:
    async def script(request: web.Request) -> web.Response:
        headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": str(told)}
        return web.Response(status=201 if request.method == "PUT" else 200, body=CONTENT, headers=headers)

    async with scripted(script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)

        for reference in (Tag("latest"), Digest.of(b"asked for")):
            with pytest.raises(DigestMismatch):
                await repository.manifest(reference)
        with pytest.raises(DigestMismatch):
            await repository.resolve(Digest.of(b"asked for"))


async def test_a_registry_that_tells_no_digest_is_asked_for_the_bytes(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async def script(request: web.Request) -> web.Response:
        if request.method == "HEAD" and request.path.endswith("/none"):
            return web.Response(status=405)
        return web.Response(body=CONTENT, headers={"Content-Type": f"{OCI_MANIFEST}; charset=utf-8"})

    async with scripted(script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        found = [await repository.resolve(Tag(tag)) for tag in ("latest", "none")]

    assert {(one.media_type, one.digest, one.size) for one in found} == {(OCI_MANIFEST, Digest.of(CONTENT), 7)}
    assert [asked.method for asked in registry.asked] == ["HEAD", "GET"] * 2


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"[" * 10_000, b'{"tags": "a"}', b'{"tags": [1]}', b'{"tags": ["../x"]}', b"<html>"]
)
async def test_what_is_no_list_of_tags_is_refused(session: aiohttp.ClientSession, quick: Settings, body: bytes) -> None:
    async def script(request: web.Request) -> web.Response:
        return web.Response(body=body)

    async with scripted(script) as registry:
        with pytest.raises(AnswerInvalid):
            [tag async for tag in registry.client(session, quick).repository(REPOSITORY).tags()]


async def test_tags_are_followed_over_pages_and_null_is_none(session: aiohttp.ClientSession, quick: Settings) -> None:
    async def script(request: web.Request) -> web.Response:
        if "last" in request.query:
            return web.json_response({"tags": None})
        return web.json_response({"tags": ["a", "b"]}, headers={"Link": f'<{request.path}?last=b%2B&n=2>; rel="next"'})

    async with scripted(script) as registry:
        tags = [str(tag) async for tag in registry.client(session, quick).repository(REPOSITORY).tags()]

    assert tags == ["a", "b"]
    assert registry.requests == ["GET /v2/a/b/tags/list?n=1000", "GET /v2/a/b/tags/list?last=b%2B&n=2"]


@pytest.mark.parametrize(
    ("link", "error"),
    [("http://127.0.0.1:1/v2/x", RedirectRefused), ("//elsewhere/v2/x", RedirectRefused), ("?n=1000", AnswerInvalid)],
)
async def test_a_list_stays_in_the_registry_and_ends(
    session: aiohttp.ClientSession, quick: Settings, link: str, error: type[Exception]
) -> None:
    async def script(request: web.Request) -> web.Response:
        return web.json_response({"tags": []}, headers={"Link": f'<{link}>; rel="next"'})

    async with scripted(script) as registry:
        with pytest.raises(error):
            [tag async for tag in registry.client(session, quick).repository(REPOSITORY).tags()]

    assert len(registry.requests) == 1


@pytest.mark.parametrize("applied", [True, False])
async def test_referrers_are_filtered_by_whom_does_it(
    session: aiohttp.ClientSession, quick: Settings, applied: bool
) -> None:
    async def script(request: web.Request) -> web.Response:
        kinds = ["wanted+x"] if applied else ["wanted+x", "other"]
        manifests = [
            {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(kind.encode())), "size": 1, "artifactType": kind}
            for kind in kinds
        ]
        headers = {"OCI-Filters-Applied": "annotations, artifactType"} if applied else {}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        return web.json_response(index, content_type=OCI_INDEX, headers=headers)

    async with scripted(script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        found = [one.artifact_type async for one in repository.referrers(Digest.of(CONTENT), "wanted+x")]

    assert found == ["wanted+x"]
    assert registry.requests == [f"GET /v2/a/b/referrers/{Digest.of(CONTENT)}?artifactType=wanted%2Bx"]
