"""The secrets of credentials as people and clients hold them: random, told apart from passwords, and checked for typos.

`mrg_p_…` is a personal token, `mrg_r_…` a robot's, `mrg_f_…` a refresh token. They are as random as a key, so that one
SHA-256 is all that has to be kept of them, and the prefix lets a scanner of leaked secrets know them.
"""

from __future__ import annotations

import re
import secrets
import zlib
from enum import StrEnum
from hashlib import sha256
from typing import Final

_RANDOM_BYTES: Final = 32
_FORM: Final = re.compile(r"mrg_([prf])_([A-Za-z0-9_-]{43})_([0-9a-f]{8})")


class SecretKind(StrEnum):
    """What a credential is for; its value is what the database calls it."""

    PERSONAL = "personal"
    ROBOT = "robot"
    REFRESH = "refresh"


_LETTERS: Final = {SecretKind.PERSONAL: "p", SecretKind.ROBOT: "r", SecretKind.REFRESH: "f"}
_KINDS: Final = {letter: kind for kind, letter in _LETTERS.items()}


def generate(kind: SecretKind) -> str:
    """A new secret of 256 random bits."""
    body = f"mrg_{_LETTERS[kind]}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    return f"{body}_{_checksum(body)}"


def kind_of(text: str) -> SecretKind | None:
    """What kind of secret `text` is; None where it is a password or anything else, or was mistyped."""
    found = _FORM.fullmatch(text)
    if found is None or _checksum(text.rpartition("_")[0]) != found[3]:
        return None
    return _KINDS[found[1]]


def hash_of(text: str) -> bytes:
    """What is kept of the secret `text`, and what it is found by."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
