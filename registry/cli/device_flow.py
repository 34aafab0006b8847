"""The device flow (RFC 8628): a person proves who they are to a provider in a browser, wherever that is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from registry import limits
from registry.egress.contract import Answer, Egress, Question
from registry_client.errors import cleaned

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# RFC 8628, section 3.5.
_SLOWER_S: Final = 5


class LoginRefused(Exception):
    """The login did not come about; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider is asked, and what as whom: its endpoints, the client, and the scope."""

    device_endpoint: str
    token_endpoint: str
    client_id: str
    scope: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the person is to do: go to `url` and enter `code`; `whole_url`, where there is one, has the code in it."""

    url: str
    code: str
    whole_url: str | None
    device_code: str = field(repr=False)
    expires_s: int
    interval_s: int


async def log_in(
    egress: Egress,
    provider: Provider,
    show: Callable[[Invitation], None],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> str:
    """The ID token of the person who did what `show` was given to tell; `pause` lets the provider's seconds go by.

    Raises:
        LoginRefused: they refused or took too long, or the provider does not let this client ask.
        OutgoingFailed: the provider cannot be asked.
    """
    invitation = await _invited(egress, provider)
    show(invitation)
    interval_s = invitation.interval_s
    form = {"grant_type": _GRANT, "device_code": invitation.device_code, "client_id": provider.client_id}
    try:
        async with asyncio.timeout(min(invitation.expires_s, limits.OPENID_DEVICE_S)):
            while True:
                await pause(interval_s)
                status, answer = await _asked(egress, provider.token_endpoint, form)
                match status, answer.get("error"):
                    case HTTPStatus.OK, _:
                        return _text(answer, "id_token")
                    case _, "authorization_pending":
                        continue
                    case _, "slow_down":
                        interval_s += _SLOWER_S
                    case _:
                        raise _refusal(status, answer)
    except TimeoutError:
        raise LoginRefused("nobody logged in in time") from None


async def _invited(egress: Egress, provider: Provider) -> Invitation:
    form = {"client_id": provider.client_id, "scope": provider.scope}
    status, answer = await _asked(egress, provider.device_endpoint, form)
    if status != HTTPStatus.OK:
        raise _refusal(status, answer)
    whole = answer.get("verification_uri_complete")
    return Invitation(
        _text(answer, "verification_uri"),
        _text(answer, "user_code"),
        whole if isinstance(whole, str) else None,
        _text(answer, "device_code"),
        _seconds(answer, "expires_in", limits.OPENID_DEVICE_S),
        _seconds(answer, "interval", _SLOWER_S),
    )


async def _asked(egress: Egress, url: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
    answer = await egress.ask(Question(url=url, method="POST", headers=_FORM, body=urlencode(form).encode()))
    return answer.status, document(answer)


def document(answer: Answer) -> Mapping[str, Any]:
    """The JSON object that an answer holds; an empty one where it holds none."""
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise LoginRefused(f"the provider answered without `{name}`")
    return value


def _seconds(answer: Mapping[str, Any], name: str, default: int) -> int:
    value = answer.get(name, default)
    return value if isinstance(value, int) and 0 < value <= limits.OPENID_DEVICE_S else default


def _refusal(status: int, answer: Mapping[str, Any]) -> LoginRefused:
    said = answer.get("error_description") or answer.get("error") or f"status {status}"
    return LoginRefused(f"the provider refuses: {cleaned(str(said), 200)}")
