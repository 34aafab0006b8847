"""Secrets never reach a log, whoever logs them."""

import re
from typing import Any, Final

MASK: Final = "***"

_SECRET_NAMES: Final = frozenset(
    {
        "authorization",
        "cookie",
        "password",
        "private_key",
        "proxy-authorization",
        "secret",
        "set-cookie",
        "token",
    }
)
_URL_PASSWORD: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/]+@", re.IGNORECASE)
# `_state` is the capability in an upload's Location: whoever has it may go on with the upload. `account` is what was
# typed for a name in a login, which may be a password.
_QUERY_SECRET: Final = re.compile(
    r"([?&](?:_state|account|(?:access_|refresh_)?token|password|code|sig)=)[^&\s\"']*", re.IGNORECASE
)
# A digit or a sign among its letters tells a credential from the next word of a sentence.
_CREDENTIALS: Final = re.compile(
    r"\b((?:basic|bearer)\s+)(?=[A-Za-z_~-]*[0-9+/=.])[A-Za-z0-9+/=._~-]{4,}", re.IGNORECASE
)


def encodable(text: str) -> str:
    """The text with what cannot be UTF-8 spelled out: headers may hold any bytes, which arrive as lone surrogates."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def masked_target(target: str) -> str:
    """A request's target without the password that it may begin with, and the values of its secret query parameters."""
    target = _URL_PASSWORD.sub(rf"\1{MASK}@", target) if "://" in target else target
    return _QUERY_SECRET.sub(rf"\1{MASK}", target) if "?" in target else target


def masked_text(text: str) -> str:
    """A text without the passwords of the URLs in it, secret query parameters and credentials."""
    return encodable(masked_target(_CREDENTIALS.sub(rf"\1{MASK}", text)))


def masked_value(name: str, value: Any) -> Any:
    """What may be logged of `value` under `name`: nothing if the name says secret, else it without secrets inside."""
    if name.lower() in _SECRET_NAMES:
        return MASK
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, dict):
        return {key: masked_value(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked_value("", inner) for inner in value]
    return value
