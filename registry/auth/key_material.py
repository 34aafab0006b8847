"""Private keys as the database keeps them: in the clear, or sealed under a key that only the nodes have.

A stored key is one byte of format and the key's PKCS #8: as it is (1), or after a nonce, encrypted by AES-GCM (2).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Self, TypeAlias

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from registry.errors import KeyFileInvalid, SigningKeysUnreadable

KEY_FILE_BYTES: Final = 32
"""Bytes of the key file: a key of AES-256."""

_CLEAR: Final = b"\x01"
_SEALED: Final = b"\x02"
_NONCE_BYTES: Final = 12
# What is sealed for one use does not open for another.
_CONTEXT: Final = b"moorage token-signing"

PrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey


class Algorithm(StrEnum):
    """How tokens are signed (RFC 7518, RFC 8037)."""

    ES256 = "ES256"
    EDDSA = "EdDSA"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs, or did until `retired_at`, always by the one algorithm that it is for."""

    key_id: str
    algorithm: Algorithm
    private: PrivateKey = field(repr=False)
    retired_at: datetime | None

    @property
    def public_jwk(self) -> Mapping[str, object]:
        """What others verify with: the public half as a JSON Web Key."""
        public = self.private.public_key()
        if isinstance(public, Ed25519PublicKey):
            jwk = OKPAlgorithm.to_jwk(public, as_dict=True)
        else:
            jwk = ECAlgorithm.to_jwk(public, as_dict=True)
        return {**jwk, "kid": self.key_id, "use": "sig", "alg": str(self.algorithm)}


class Vault:
    """Makes private keys to be stored and opens them again."""

    def __init__(self, sealing_key: bytes | None = None) -> None:
        """Seal under `sealing_key`, or keep keys in the clear where it is None."""
        self._cipher = None if sealing_key is None else AESGCM(sealing_key)

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Seal under the key in the file at `path`.

        Raises:
            KeyFileInvalid: there is no such file, or it holds no key.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise KeyFileInvalid(path, error.strerror or "cannot be read") from error
        if len(content) != KEY_FILE_BYTES:
            raise KeyFileInvalid(path, f"holds {len(content)} bytes, not {KEY_FILE_BYTES} random ones")
        return cls(content)

    def make(self, algorithm: Algorithm) -> bytes:
        """A new private key as it is stored."""
        private: PrivateKey = (
            generate_private_key(SECP256R1()) if algorithm is Algorithm.ES256 else Ed25519PrivateKey.generate()
        )
        clear = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        if self._cipher is None:
            return _CLEAR + clear
        nonce = os.urandom(_NONCE_BYTES)
        return _SEALED + nonce + self._cipher.encrypt(nonce, clear, _CONTEXT)

    def open(self, key_id: str, stored: bytes, retired_at: datetime | None) -> SigningKey:
        """The key that `stored` is.

        Raises:
            SigningKeysUnreadable: it is sealed and there is no key file, or it was sealed under another one; or its
                format is a later version's.
        """
        private = _loaded(self._clear(stored))
        algorithm = Algorithm.EDDSA if isinstance(private, Ed25519PrivateKey) else Algorithm.ES256
        return SigningKey(key_id, algorithm, private, retired_at)

    def _clear(self, stored: bytes) -> bytes:
        form, rest = stored[:1], stored[1:]
        if form == _CLEAR:
            return rest
        if form != _SEALED:
            raise SigningKeysUnreadable("their format is not known to this version")
        if self._cipher is None:
            raise SigningKeysUnreadable("they are sealed; auth.key_file has to name the file they were sealed under")
        try:
            return self._cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _CONTEXT)
        except (InvalidTag, ValueError):
            raise SigningKeysUnreadable("they were sealed under another key than auth.key_file holds") from None


def _loaded(clear: bytes) -> PrivateKey:
    try:
        private = load_der_private_key(clear, password=None)
    except (ValueError, UnsupportedAlgorithm):
        raise SigningKeysUnreadable("they are damaged") from None
    if isinstance(private, Ed25519PrivateKey):
        return private
    if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1):
        return private
    raise SigningKeysUnreadable("their kind is not known to this version")
