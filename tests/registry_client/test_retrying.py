"""What is tried again, and when."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName
from registry_client.client import RegistryClient
from registry_client.errors import RateLimited, Refused, Unavailable, Unreachable
from registry_client.origin import Origin
from registry_client.settings import Settings
from registry_client.sources import BytesSource
from tests.ports import free_port
from tests.registry_client.scripted import Script, scripted

BUSY = {"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}


def busy(times: int, status: int = 429, retry_after: str | None = None) -> Script:
    """A registry that is busy for so many requests."""
    left = [times]
    headers = {} if retry_after is None else {"Retry-After": retry_after}

    async def script(request: web.Request) -> web.Response:
        left[0] -= 1
        return web.json_response(BUSY, status=status, headers=headers) if left[0] >= 0 else web.Response()

    return script


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_registry_that_is_busy_is_asked_again(
    session: aiohttp.ClientSession, quick: Settings, status: int
) -> None:
    async with scripted(busy(2, status)) as registry:
        await registry.client(session, quick).ping()

    assert len(registry.requests) == 3


@pytest.mark.parametrize("dated", [True, False])
async def test_a_pause_is_as_long_as_the_registry_wants(
    session: aiohttp.ClientSession, quick: Settings, dated: bool
) -> None:
    began = time.monotonic()
    # A date has no fractions of a second.
    wanted = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if dated else "1"

    async with scripted(busy(1, 503, wanted)) as registry:
        await registry.client(session, quick).ping()

    assert 0.9 < time.monotonic() - began < 60


async def test_a_pause_that_is_too_long_is_the_callers_to_make(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with scripted(busy(9, retry_after="3600")) as registry:
        with pytest.raises(RateLimited) as limited:
            await registry.client(session, quick).ping()

    assert limited.value.retry_after_s == 3600
    assert (limited.value.code, limited.value.message) == ("TOOMANYREQUESTS", "slow down")
    assert len(registry.requests) == 1


async def test_a_registry_that_stays_busy_is_left(session: aiohttp.ClientSession, quick: Settings) -> None:
    async with scripted(busy(99)) as registry:
        with pytest.raises(RateLimited):
            await registry.client(session, quick).ping()

    assert len(registry.requests) == quick.attempts


@pytest.mark.parametrize("status", [400, 403, 404, 500, 501])
async def test_other_refusals_are_final(session: aiohttp.ClientSession, quick: Settings, status: int) -> None:
    async with scripted(busy(99, status)) as registry:
        with pytest.raises(Refused) as refused:
            await registry.client(session, quick).ping()

    assert refused.value.status == status
    assert len(registry.requests) == 1


async def test_a_registry_that_is_not_there_is_unreachable(session: aiohttp.ClientSession, quick: Settings) -> None:
    origin = Origin("http", "127.0.0.1", free_port())

    with pytest.raises(Unreachable, match="does not answer") as raised:
        await RegistryClient(session, origin, settings=quick).ping()

    place = f"127.0.0.1:{origin.port}"
    assert str(raised.value) == f"http://{place}/v2/ does not answer: cannot connect to {place}: Connection refused"


@pytest.mark.parametrize(("status", "error"), [(503, Unavailable), (429, RateLimited)])
async def test_an_upload_that_a_busy_registry_refuses_asks_how_far_it_is(
    session: aiohttp.ClientSession, quick: Settings, status: int, error: type[Refused]
) -> None:
    async def script(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return web.Response(status=404)
        if request.method == "PUT":
            return web.json_response(BUSY, status=status)
        return web.Response(status=202, headers={"Location": "/session"})

    async with scripted(script) as registry:
        repository = registry.client(session, replace(quick, attempts=2)).repository(RepositoryName("a"))
        with pytest.raises(error):
            await repository.push_blob(Digest.of(b"blob"), BytesSource(b"blob"))

    methods = [asked.method for asked in registry.asked]
    assert methods == ["HEAD", "POST", "PUT", "GET", "HEAD", "DELETE", "POST", "PUT", "DELETE"]
