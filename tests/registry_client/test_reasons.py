"""Failed connections are told in plain words, not in those of a library."""

import asyncio
import errno
import socket
import ssl

import aiohttp
import pytest
from yarl import URL

from registry_client.errors import AnswerInvalid, RegistryClientError, Unreachable, Untrusted
from registry_client.reasons import reason, tls_reason
from registry_client.sending import translated


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (aiohttp.ServerDisconnectedError(), "the connection was closed before the answer"),
        (
            aiohttp.ClientPayloadError("<ContentLengthError: 400>"),
            "the connection was closed in the middle of the answer",
        ),
        (aiohttp.SocketTimeoutError("Timeout on reading data from socket"), "there was no answer in time"),
        (TimeoutError(), "there was no answer in time"),
        (aiohttp.ClientOSError(errno.ECONNRESET, "Cannot write to closing transport"), "Connection reset by peer"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError("Multiple exceptions: one, another"), "Multiple exceptions: one, another"),
        (aiohttp.ClientError("some text"), "some text"),
        (aiohttp.ClientError(), "ClientError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_broken_connection_is_told(error: Exception, said: str) -> None:
    assert reason(error) == said


@pytest.mark.parametrize(
    ("name", "said"), [("WRONG_VERSION_NUMBER", "it does not speak HTTPS"), ("NO_SHARED_CIPHER", "no shared cipher")]
)
def test_what_is_no_secure_connection_is_told(name: str, said: str) -> None:
    error = ssl.SSLError(1, f"[SSL: {name}] some words (_ssl.c:1006)")
    error.reason = name

    assert tls_reason(error) == said


@pytest.mark.parametrize(
    ("scheme", "answer", "error", "said"),
    [
        ("http", b"garbage\r\n\r\n", AnswerInvalid, "{url} does not speak HTTP: Bad status line"),
        (
            "https",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            Untrusted,
            "the connection to {url} cannot be secured: it does not speak HTTPS",
        ),
        (
            "http",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            Unreachable,
            "{url} does not answer: the connection was closed in the middle of the answer",
        ),
    ],
)
async def test_nothing_of_the_library_is_seen(
    session: aiohttp.ClientSession, scheme: str, answer: bytes, error: type[RegistryClientError], said: str
) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(answers, "127.0.0.1", 0)
    url = URL.build(scheme=scheme, host="127.0.0.1", port=server.sockets[0].getsockname()[1], path="/v2/")
    async with server:
        with pytest.raises(error) as raised, translated(url):
            async with session.get(url) as response:
                await response.read()

    assert str(raised.value) == said.format(url=url)
