"""The device flow, against a provider that answers as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from registry.cli.device_flow import Invitation, LoginRefused, Provider, log_in
from registry.config.values import Network
from registry.egress.client import Client
from tests.registry_client.scripted import Scripted, scripted

INVITED = {
    "device_code": "device",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://login.example/device",
    "expires_in": 300,
    "interval": 2,
}
PENDING, SLOWER = (400, {"error": "authorization_pending"}), (400, {"error": "slow_down"})


class Flow:
    """A provider that answers these, one after the other, and the pauses between the questions."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.pauses: list[float] = []
        self.shown: list[Invitation] = []
        self.server: Scripted | None = None

    async def run(self, client: Client) -> str:
        async def script(request: web.Request) -> web.Response:
            status, content = self.answers.pop(0)
            return web.json_response(content, status=status)

        async with scripted(script) as self.server:
            provider = Provider(f"{self.server.url}device", f"{self.server.url}token", "cli", "openid")
            return await log_in(client, provider, self.shown.append, self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client([Network.parse("127.0.0.0/8")])
    yield client
    await client.close()


async def test_a_person_is_waited_for_as_patiently_as_the_provider_wants(client: Client) -> None:
    flow = Flow((200, INVITED), PENDING, SLOWER, PENDING, (200, {"id_token": "token", "access_token": "x"}))

    assert await flow.run(client) == "token"

    assert flow.pauses == [2, 2, 7, 7]
    [invitation] = flow.shown
    assert (invitation.url, invitation.code) == ("https://login.example/device", "ABCD-EFGH")
    assert "device" not in repr(invitation).replace("/device", "")
    assert flow.server is not None
    first, second, *_ = [parse_qs(asked.body.decode()) for asked in flow.server.asked]
    assert first == {"client_id": ["cli"], "scope": ["openid"]}
    assert second == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:device_code"],
        "device_code": ["device"],
        "client_id": ["cli"],
    }


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([(400, {"error": "unauthorized_client", "error_description": "not\nthis one"})], "not this one"),
        ([(400, {"error": "\x1b]0;title\x07denied"})], "refuses: ]0;title denied"),
        ([(404, {})], "status 404"),
        ([(200, {**INVITED, "user_code": 7})], "user_code"),
        ([(200, INVITED), (400, {"error": "access_denied"})], "access_denied"),
        ([(200, INVITED), (400, {"error": "expired_token"})], "expired_token"),
        ([(200, INVITED), (200, {"access_token": "x"})], "id_token"),
        ([(200, INVITED), (500, ["x"])], "status 500"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_ends_without_a_token_is_told(client: Client, answers: list[Any], says: str) -> None:
    with pytest.raises(LoginRefused, match=says):
        await Flow(*answers).run(client)


async def test_a_provider_that_does_not_say_how_often_is_asked_every_five_seconds(client: Client) -> None:
    told = {name: value for name, value in INVITED.items() if name != "interval"}
    flow = Flow((200, told), (200, {"id_token": "token"}))

    await flow.run(client)

    assert flow.pauses == [5]
