"""What leaves the registry goes where it may, is bounded, and gives nothing away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from yarl import URL

from registry.config.values import Network
from registry.egress.client import Client
from registry.egress.contract import Question
from registry.errors import AddressRefused, OutgoingAnswerInvalid, OutgoingFailed, OutgoingUnreachable
from tests.registry_client.scripted import Script, Scripted, scripted

LOOPBACK = [Network.parse("127.0.0.0/8"), Network.parse("::1")]
SECRET = "hunter2"


async def says_hello(request: web.Request) -> web.Response:
    return web.Response(text="hello", headers={"X-Kind": "greeting"})


def leads_to(target: Callable[[], URL], status: int = 302) -> Script:
    async def script(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": str(target())})

    return script


@asynccontextmanager
async def opened(allowed: list[Network]) -> AsyncIterator[Client]:
    client = Client(allowed)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with opened(LOOPBACK) as client:
        yield client


@pytest.fixture
async def hello() -> AsyncIterator[Scripted]:
    async with scripted(says_hello) as server:
        yield server


async def test_an_answer_is_given_whole(client: Client, hello: Scripted) -> None:
    answer = await client.ask(Question(url=f"{hello.url}a?b=c", headers={"Accept": "text/plain"}))

    assert (answer.status, answer.body, answer.headers["x-kind"]) == (200, b"hello", "greeting")
    [asked] = hello.asked
    assert (str(asked), asked.headers["Accept"]) == ("GET /a?b=c", "text/plain")


async def test_a_body_is_sent(client: Client, hello: Scripted) -> None:
    await client.ask(Question(url=str(hello.url), method="POST", body=b"a=b"))

    [asked] = hello.asked
    assert (asked.method, asked.body) == ("POST", b"a=b")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "[::1]"])
async def test_no_form_of_an_address_that_is_not_allowed_is_connected_to(hello: Scripted, host: str) -> None:
    async with opened([Network.parse("10.0.0.0/8")]) as client:
        with pytest.raises(OutgoingFailed):
            await client.ask(Question(url=f"http://{host}:{hello.url.port}/"))

    assert hello.asked == []


async def test_the_guard_holds_for_a_client_that_asks_by_the_session(hello: Scripted) -> None:
    async with opened([]) as client:
        with pytest.raises(AddressRefused):
            await client.session.get(hello.url)

    assert hello.asked == []


async def test_of_a_name_only_the_addresses_are_used_that_are_allowed(hello: Scripted) -> None:
    # Whichever of its addresses `localhost` has first.
    async with opened([Network.parse("127.0.0.1")]) as client:
        answer = await client.ask(Question(url=f"http://localhost:{hello.url.port}/"))

    assert answer.status == 200


async def test_a_redirect_to_an_address_that_is_not_allowed_is_not_followed(hello: Scripted) -> None:
    async with (
        scripted(leads_to(lambda: hello.url.with_host("127.0.0.2"))) as first,
        opened([Network.parse("127.0.0.1")]) as client,
    ):
        with pytest.raises(AddressRefused):
            await client.ask(Question(url=str(first.url)))

    assert len(first.asked) == 1
    assert hello.asked == []


async def test_credentials_are_not_sent_to_another_origin(client: Client, hello: Scripted) -> None:
    async with scripted(leads_to(lambda: hello.url)) as first:
        answer = await client.ask(Question(url=str(first.url), authorization=f"Bearer {SECRET}"))

    assert answer.status == 200
    assert first.authorizations == [f"Bearer {SECRET}"]
    assert hello.authorizations == [None]


async def test_a_body_is_not_sent_to_another_origin(client: Client, hello: Scripted) -> None:
    async with scripted(leads_to(lambda: hello.url, 307)) as first:
        with pytest.raises(OutgoingAnswerInvalid):
            await client.ask(Question(url=str(first.url), method="POST", body=b"secret=1"))

    assert hello.asked == []


async def test_a_loop_ends(client: Client) -> None:
    async with scripted(leads_to(lambda: URL("/again"))) as server:
        with pytest.raises(OutgoingAnswerInvalid):
            await client.ask(Question(url=str(server.url)))

    assert len(server.asked) < 10


async def test_an_answer_that_is_too_large_is_not_read(client: Client, hello: Scripted) -> None:
    with pytest.raises(OutgoingAnswerInvalid):
        await client.ask(Question(url=str(hello.url), answer_bytes=4))


async def test_an_answer_that_does_not_come_is_not_waited_for(client: Client) -> None:
    given_up = asyncio.Event()

    async def waits(request: web.Request) -> web.Response:
        await given_up.wait()
        return web.Response()

    async with scripted(waits) as server:
        with pytest.raises(OutgoingUnreachable) as failed:
            await client.ask(Question(url=f"{server.url}?code={SECRET}", longest_s=0.1))
        given_up.set()

    assert SECRET not in failed.value.cause
    assert str(server.url) in failed.value.cause


async def test_what_is_not_there_is_unreachable(client: Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        for url in (f"http://127.0.0.1:{port}/", "http://nowhere.invalid/"):
            with pytest.raises(OutgoingUnreachable):
                await client.ask(Question(url=url))


async def test_what_does_not_speak_tls_is_unreachable(client: Client, hello: Scripted) -> None:
    with pytest.raises(OutgoingUnreachable):
        await client.ask(Question(url=str(hello.url.with_scheme("https"))))


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "http://", "nonsense", f"http://a:{SECRET}@127.0.0.1/", "http://[::1/"]
)
async def test_what_is_no_url_of_the_web_without_a_user_is_not_asked(client: Client, url: str) -> None:
    with pytest.raises(OutgoingAnswerInvalid) as failed:
        await client.ask(Question(url=url))

    assert SECRET not in failed.value.cause


async def test_queries_are_not_told_of(client: Client) -> None:
    async def breaks(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with scripted(breaks) as server:
        with pytest.raises(OutgoingUnreachable) as failed:
            await client.ask(Question(url=f"{server.url}?code={SECRET}"))

    assert SECRET not in failed.value.cause
    assert str(server.url) in failed.value.cause
