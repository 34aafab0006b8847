"""A question to another server: redirects, credentials and pauses are minded by the sending of `registry_client`."""

from __future__ import annotations

import asyncio

import aiohttp
from yarl import URL

from registry.egress.contract import Answer, Question
from registry.errors import OutgoingAnswerInvalid, OutgoingUnreachable
from registry_client import sending
from registry_client.errors import RegistryClientError, Unreachable
from registry_client.origin import Origin, shown
from registry_client.settings import Settings

_SETTINGS = Settings()


async def ask(session: aiohttp.ClientSession, question: Question) -> Answer:
    """See `Egress.ask`."""
    request = _outgoing(question)
    try:
        async with asyncio.timeout(question.longest_s):
            return await _ask(session, request, question)
    except TimeoutError as error:
        raise OutgoingUnreachable(f"{shown(request.url)} does not answer within {question.longest_s:g} s") from error
    except Unreachable as error:
        raise OutgoingUnreachable(str(error)) from error
    except RegistryClientError as error:
        raise OutgoingAnswerInvalid(f"{shown(request.url)}: {error}") from error


def _outgoing(question: Question) -> sending.Outgoing:
    try:
        url = URL(question.url)
        origin = Origin.of(url)
    except ValueError:
        # The error would repeat the text, which may hold anything.
        raise OutgoingAnswerInvalid("what is to be asked is no URL of http or https") from None
    if url.raw_user is not None or url.raw_password is not None:
        raise OutgoingAnswerInvalid(f"{origin}: credentials do not belong into a URL")
    return sending.Outgoing(
        question.method,
        url,
        question.longest_s,
        headers=question.headers,
        body=question.body,
        authorization=question.authorization,
        confined=question.body is not None,
    )


async def _ask(session: aiohttp.ClientSession, request: sending.Outgoing, question: Question) -> Answer:
    response = await sending.send(session, request, _SETTINGS)
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = await sending.read_whole(response, question.answer_bytes, question.longest_s)
    return Answer(response.status, headers, body)
