"""Downloads that break, at servers that go on in their own ways."""

from collections.abc import Callable

import aiohttp
import pytest
from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry_client.errors import AnswerInvalid, DigestMismatch, SizeMismatch, Unreachable
from registry_client.settings import Settings
from tests.contracts.registry_client import MIB, content_of
from tests.patterns import pattern
from tests.registry_client.scripted import Script, Scripted, scripted

REPOSITORY = RepositoryName("a/b")
CONTENT = pattern(3 * MIB + 7)
BREAK = MIB + 5


def breaking(then: Callable[[web.Request], web.Response], *, etag: str = '"one"', told: bool = True) -> Script:
    """A server whose first answer breaks after BREAK bytes, and which answers as `then` says from there on."""
    begun: list[bool] = []

    async def script(request: web.Request) -> web.StreamResponse:
        if begun:
            return then(request)
        begun.append(True)
        response = web.StreamResponse(headers={"ETag": etag, **({"Content-Length": str(len(CONTENT))} if told else {})})
        await response.prepare(request)
        await response.write(CONTENT[:BREAK])
        assert request.transport is not None
        # Not `abort`, which would take what is on its way along.
        request.transport.close()
        return response

    return script


def ranged(request: web.Request) -> web.Response:
    start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    content_range = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
    return web.Response(status=206, body=CONTENT[start:], headers={"Content-Range": content_range})


async def read(registry: Scripted, session: aiohttp.ClientSession, settings: Settings) -> bytes:
    return await content_of(registry.client(session, settings).repository(REPOSITORY), CONTENT)


async def test_it_goes_on_if_the_bytes_are_still_the_same(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with scripted(breaking(ranged)) as registry:
        assert await read(registry, session, quick) == CONTENT

    assert registry.asked[1].headers["Range"] == f"bytes={BREAK}-"
    assert registry.asked[1].headers["If-Range"] == '"one"'


@pytest.mark.parametrize("etag", ['W/"one"', "", "one"])
async def test_a_validator_that_validates_nothing_is_not_sent(
    session: aiohttp.ClientSession, quick: Settings, etag: str
) -> None:
    async with scripted(breaking(ranged, etag=etag)) as registry:
        assert await read(registry, session, quick) == CONTENT

    assert "If-Range" not in registry.asked[1].headers


async def test_where_ranges_are_not_known_it_begins_anew_and_nothing_is_given_twice(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async with scripted(breaking(lambda _: web.Response(body=CONTENT))) as registry:
        assert await read(registry, session, quick) == CONTENT

    assert len(registry.requests) == 2


async def test_other_bytes_after_the_break_are_found_out(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with scripted(breaking(lambda _: web.Response(body=bytes(len(CONTENT))))) as registry:
        with pytest.raises(DigestMismatch):
            await read(registry, session, quick)


@pytest.mark.parametrize(
    ("content_range", "error"),
    [
        (f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}", AnswerInvalid),
        ("bytes nonsense", AnswerInvalid),
        ("", AnswerInvalid),
        (f"bytes {BREAK}-{len(CONTENT)}/{len(CONTENT) + 1}", SizeMismatch),
    ],
)
async def test_another_part_than_was_asked_for_is_refused(
    session: aiohttp.ClientSession, quick: Settings, content_range: str, error: type[Exception]
) -> None:
    def then(request: web.Request) -> web.Response:
        return web.Response(status=206, body=b"x", headers={"Content-Range": content_range})

    async with scripted(breaking(then)) as registry:
        with pytest.raises(error):
            await read(registry, session, quick)

    assert len(registry.requests) == 2


async def test_a_blob_that_got_larger_is_refused(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with scripted(breaking(lambda _: web.Response(body=CONTENT + b"x"))) as registry:
        with pytest.raises(SizeMismatch):
            await read(registry, session, quick)


async def test_without_a_size_a_blob_ends_where_its_body_does(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with scripted(breaking(ranged, told=False)) as registry:
        assert await read(registry, session, quick) == CONTENT


async def test_a_body_that_ends_early_again_and_again_is_unreachable(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(CONTENT[:10])
        return response

    async with scripted(script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        with pytest.raises(Unreachable, match="ended early"):
            await content_of(repository, CONTENT, len(CONTENT))

    assert len(registry.requests) == quick.attempts


async def test_how_far_it_is_is_told(session: aiohttp.ClientSession, quick: Settings) -> None:
    told: list[tuple[Digest, int, int | None]] = []

    class Watching:
        def advanced(self, digest: Digest, done: int, total: int | None) -> None:
            told.append((digest, done, total))

    async with scripted(breaking(ranged)) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        async for _ in repository.blob(Digest.of(CONTENT), progress=Watching()):
            pass

    done = [step[1] for step in told]
    assert done == sorted(set(done))
    assert told[-1] == (Digest.of(CONTENT), len(CONTENT), len(CONTENT))
