"""Uploads at a registry that answers in odd, and legal, ways."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry_client.errors import AnswerInvalid, DigestMismatch, OffsetRefused, RedirectRefused, UploadNotFound
from registry_client.settings import Settings
from registry_client.sources import BytesSource
from registry_client.uploads import Outcome
from tests.patterns import pattern
from tests.registry_client.scripted import scripted

REPOSITORY = RepositoryName("a/b")
CONTENT = pattern(1000)
DIGEST = Digest.of(CONTENT)


@dataclass
class Sessions:
    """A registry that keeps what it is sent, in sessions whose locations change with each answer.

    `odd` may answer in its place: it is given the request, and the bytes that the session holds.
    """

    least_chunk: str = ""
    odd: Callable[[web.Request, bytearray], web.Response | None] = lambda _request, _held: None
    held: dict[str, bytearray] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    opened: int = 0
    steps: int = 0

    async def script(self, request: web.Request) -> web.Response:
        content = await request.read()
        if request.method == "HEAD":
            found = self.blobs.get(request.path.rpartition("/")[2])
            return web.Response(status=404) if found is None else web.Response(body=found)
        if request.method == "POST":
            name = f"session{self.opened}"
            self.opened += 1
            self.held[name] = bytearray()
            answer = self.odd(request, self.held[name])
            return answer or web.Response(
                status=202, headers={**self._at(name), "OCI-Chunk-Min-Length": self.least_chunk}
            )
        name = request.path.strip("/")
        if name not in self.held:
            return web.Response(status=404)
        return self.odd(request, self.held[name]) or self._take(request, name, content)

    def _take(self, request: web.Request, name: str, content: bytes) -> web.Response:
        held = self.held[name]
        if request.method == "DELETE":
            del self.held[name]
            return web.Response(status=204)
        start = re.match("[0-9]+", request.headers.get("Content-Range", ""))
        if start and int(start[0]) != len(held):
            return web.Response(status=416, headers=self._at(name))
        held += content
        if request.method == "PUT":
            self.blobs[request.query["digest"]] = bytes(held)
            del self.held[name]
            return web.Response(status=201, headers={"Docker-Content-Digest": str(Digest.of(held))})
        status = 204 if request.method == "GET" else 202
        return web.Response(status=status, headers={**self._at(name), "Range": f"0-{max(0, len(held) - 1)}"})

    def _at(self, name: str) -> dict[str, str]:
        self.steps += 1
        return {"Location": f"/{name}?_state=a%2Bb+{self.steps}&digest-algorithm="}


async def pushed(
    session: aiohttp.ClientSession, settings: Settings, sessions: Sessions, chunk_bytes: int | None = None
) -> list[str]:
    """The requests that a push takes, without digests and states; the blob must be there afterwards."""
    async with scripted(sessions.script) as registry:
        repository = registry.client(session, settings).repository(REPOSITORY)
        outcome = await repository.push_blob(DIGEST, BytesSource(CONTENT), chunk_bytes=chunk_bytes)
    assert outcome == Outcome.UPLOADED
    assert sessions.blobs == {str(DIGEST): CONTENT}
    requests = []
    for asked in registry.asked[1:]:
        content_range = asked.headers.get("Content-Range")
        requests.append(" ".join(filter(None, [asked.method, asked.target.split("?")[0], content_range])))
    return requests


UPLOADS = "/v2/a/b/blobs/uploads/"


async def test_a_location_is_followed_step_by_step_with_its_query_as_it_is(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    sessions = Sessions()
    async with scripted(sessions.script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        await repository.push_blob(DIGEST, BytesSource(CONTENT), chunk_bytes=600)

    digest = str(DIGEST).replace(":", "%3A")
    assert registry.requests[2:] == [
        "PATCH /session0?_state=a%2Bb+1&digest-algorithm=",
        "PATCH /session0?_state=a%2Bb+2&digest-algorithm=",
        f"PUT /session0?_state=a%2Bb+3&digest-algorithm=&digest={digest}",
    ]


@pytest.mark.parametrize(
    ("least_chunk", "ranges"),
    [
        ("", ["0-399", "400-799", "800-999"]),
        ("600", ["0-599", "600-999"]),
        ("100", ["0-399", "400-799", "800-999"]),
        ("5000", ["0-999"]),
        ("nonsense", ["0-399", "400-799", "800-999"]),
        ("9" * 1000, ["0-399", "400-799", "800-999"]),
    ],
)
async def test_chunks_are_as_large_as_the_registry_wants(
    session: aiohttp.ClientSession, quick: Settings, least_chunk: str, ranges: list[str]
) -> None:
    requests = await pushed(session, quick, Sessions(least_chunk), chunk_bytes=400)

    assert requests == [f"POST {UPLOADS}", *(f"PATCH /session0 {part}" for part in ranges), "PUT /session0"]


async def test_a_chunk_of_which_only_a_part_is_kept_is_gone_on_with(
    session: aiohttp.ClientSession, quick: Settings
) -> None:
    def keeps_half(request: web.Request, held: bytearray) -> web.Response | None:
        if request.method == "PATCH" and not held:
            held += CONTENT[:200]
            return web.Response(status=202, headers={"Range": "0-199"})
        return None

    requests = await pushed(session, quick, Sessions(odd=keeps_half), chunk_bytes=400)

    assert requests[1:4] == ["PATCH /session0 0-399", "PATCH /session0 200-599", "PATCH /session0 600-999"]


@pytest.mark.parametrize("range_header", ["0-400", "0-99999999999"])
async def test_a_registry_that_has_more_than_it_was_sent_is_not_believed(
    session: aiohttp.ClientSession, quick: Settings, range_header: str
) -> None:
    def boasts(request: web.Request, held: bytearray) -> web.Response | None:
        return web.Response(status=202, headers={"Range": range_header}) if request.method == "PATCH" else None

    with pytest.raises(AnswerInvalid):
        await pushed(session, quick, Sessions(odd=boasts), chunk_bytes=400)


async def test_after_a_refused_offset_the_registrys_counts(session: aiohttp.ClientSession, quick: Settings) -> None:
    def knows_more(request: web.Request, held: bytearray) -> web.Response | None:
        if request.method == "PATCH" and not held:
            # As if an earlier attempt had arrived after all.
            held += CONTENT[:300]
            return web.Response(status=416)
        return None

    requests = await pushed(session, quick, Sessions(odd=knows_more), chunk_bytes=500)

    assert requests == [
        f"POST {UPLOADS}",
        "PATCH /session0 0-499",
        "GET /session0",
        "PATCH /session0 300-799",
        "PATCH /session0 800-999",
        "PUT /session0",
    ]


@pytest.mark.parametrize("status", [404, 416])
async def test_a_session_that_cannot_go_on_is_replaced(
    session: aiohttp.ClientSession, quick: Settings, status: int
) -> None:
    def loses_the_first(request: web.Request, held: bytearray) -> web.Response | None:
        lost = request.path == "/session0" and request.method in {"PUT", "GET"}
        return web.Response(status=status, headers={"Range": "0-0"}) if lost else None

    requests = await pushed(session, quick, Sessions(odd=loses_the_first))

    assert [request.split()[0] for request in requests] == ["POST", "PUT", "GET", "HEAD", "DELETE", "POST", "PUT"]


@pytest.mark.parametrize(("status", "error"), [(404, UploadNotFound), (416, OffsetRefused)])
async def test_sessions_that_never_go_on_end(
    session: aiohttp.ClientSession, quick: Settings, status: int, error: type[Exception]
) -> None:
    def loses_all(request: web.Request, held: bytearray) -> web.Response | None:
        return web.Response(status=status) if request.method in {"PUT", "GET"} else None

    with pytest.raises(error):
        await pushed(session, quick, Sessions(odd=loses_all))


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_a_mount_that_is_refused_is_an_upload(
    session: aiohttp.ClientSession, quick: Settings, status: int
) -> None:
    def refuses_mounts(request: web.Request, held: bytearray) -> web.Response | None:
        return web.Response(status=status) if "mount" in request.query else None

    sessions = Sessions(odd=refuses_mounts)
    async with scripted(sessions.script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        outcome = await repository.push_blob(DIGEST, BytesSource(CONTENT), mount_from=RepositoryName("c"))

    assert outcome == Outcome.UPLOADED
    assert registry.requests[1] == f"POST {UPLOADS}?mount={DIGEST}&from=c"


async def test_another_digest_than_was_pushed_is_an_error(session: aiohttp.ClientSession, quick: Settings) -> None:
    def stores_something_else(request: web.Request, held: bytearray) -> web.Response | None:
        if request.method != "PUT":
            return None
        return web.Response(status=201, headers={"Docker-Content-Digest": str(Digest.of(b"else"))})

    with pytest.raises(DigestMismatch):
        await pushed(session, quick, Sessions(odd=stores_something_else))


@pytest.mark.parametrize("location", [None, "", "ftp://a/", "http://a:b@127.0.0.1/"])
async def test_a_session_that_is_nowhere_is_none(
    session: aiohttp.ClientSession, quick: Settings, location: str | None
) -> None:
    def nowhere(request: web.Request, held: bytearray) -> web.Response | None:
        return web.Response(status=202, headers={} if location is None else {"Location": location})

    with pytest.raises((AnswerInvalid, RedirectRefused)):
        await pushed(session, quick, Sessions(odd=nowhere))


async def test_how_far_it_is_is_told(session: aiohttp.ClientSession, quick: Settings) -> None:
    told: list[tuple[int, int | None]] = []

    class Watching:
        def advanced(self, digest: Digest, done: int, total: int | None) -> None:
            told.append((done, total))

    async with scripted(Sessions().script) as registry:
        repository = registry.client(session, quick).repository(REPOSITORY)
        await repository.push_blob(DIGEST, BytesSource(CONTENT), chunk_bytes=600, progress=Watching())

    assert told == [(600, 1000), (1000, 1000)]
