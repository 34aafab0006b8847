"""What a request says about who sends it: the `Authorization` header, read strictly."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TypeAlias

from registry import limits
from registry.errors import CredentialsMalformed


@dataclass(frozen=True, slots=True)
class Basic:
    """A name and a password, or a token in its place (RFC 7617); a name is any text that came."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token (RFC 6750)."""

    token: str = field(repr=False)


Credentials: TypeAlias = Basic | Bearer


def read_authorization(header: str | None) -> Credentials | None:
    """The credentials in `header`; None where it is not there, or is a Basic one without name and password.

    Some clients send that one when they have none.

    Raises:
        CredentialsMalformed: it is of another scheme, too long, or cannot be read.
    """
    if header is None:
        return None
    if len(header) > limits.AUTHORIZATION_CHARACTERS:
        raise CredentialsMalformed
    scheme, _, value = header.partition(" ")
    value = value.strip(" ")
    match scheme.lower():
        case "basic":
            return _basic(value)
        case "bearer" if value and value.isascii() and " " not in value:
            return Bearer(value)
        case _:
            raise CredentialsMalformed


def _basic(value: str) -> Basic | None:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        raise CredentialsMalformed from None
    name, colon, password = text.partition(":")
    if not colon or any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise CredentialsMalformed
    return Basic(name, password) if name or password else None
