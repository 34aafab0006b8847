"""The keys of a token server that is not ours: from a JSON Web Key Set or from certificates, as its registry got them.

A key is known by the id that its set gives it, by its thumbprint (RFC 7638), and by the id that token servers made for
distribution's second version give it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Self, TypeAlias

import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from registry.auth import certificate_chain
from registry.errors import TokenInvalid, TrustedKeysInvalid

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_OF_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_OF_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
ALGORITHMS: Final = _OF_RSA | {*_OF_CURVES.values(), "EdDSA"}
"""All by which a token server may sign; none has a secret that the registry would hold, too."""

_RSA_BITS: Final = 2048
_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
_OF_A_THUMBPRINT: Final = ("crv", "e", "kty", "n", "x", "y")
# 240 bits are 48 characters of base32.
_FINGERPRINT_BYTES: Final = 30
_GROUP: Final = 4


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key, the algorithms that it is for, and when what it signed stops being trusted (None: never)."""

    public: PublicKey
    algorithms: frozenset[str]
    until: datetime | None = None


class TrustedKeys:
    """Finds the key by which a token says that it is signed."""

    def __init__(self, keys: Mapping[str, TrustedKey], roots: Sequence[x509.Certificate] = ()) -> None:
        """Trust `keys` by their ids, and the certificates that lead to one of `roots`."""
        self._by_id: dict[str, TrustedKey] = {}
        self._certificates: dict[str, x509.Certificate] = {}
        for key in keys.values():
            self._by_id |= dict.fromkeys(_made_ids(key.public), key)
        self._by_id |= keys
        for root in roots:
            if (of_root := _key_of(root)) is not None:
                self._certificates |= dict.fromkeys(_made_ids(of_root.public), root)
        self._roots = roots

    @classmethod
    def of_key_set_text(cls, content: bytes, place: str) -> Self:
        """The keys of a JSON Web Key Set, which was read at `place`.

        What is not for signatures, or not of a kind that is known, is left out.

        Raises:
            TrustedKeysInvalid: the text is no such set, or none of its keys can be used.
        """
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            raise TrustedKeysInvalid(place, "it is not JSON") from None
        listed = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(listed, list):
            raise TrustedKeysInvalid(place, "it is no JSON Web Key Set")
        return cls(_by_id(place, [jwk for jwk in listed if isinstance(jwk, dict)]))

    @classmethod
    def of_certificates(cls, content: bytes, place: str) -> Self:
        """The keys of a bundle of certificates in PEM form, read at `place`, and of all that they lead to.

        Raises:
            TrustedKeysInvalid: the text holds no certificates.
        """
        try:
            return cls({}, x509.load_pem_x509_certificates(content))
        except ValueError:
            raise TrustedKeysInvalid(place, "it holds no certificates in PEM form") from None

    def find(self, header: Mapping[str, Any], now: float) -> TrustedKey:
        """The key that a token's header names, by its id or by certificates; who made the header is not proved.

        Raises:
            TokenInvalid: it is none of ours.
        """
        moment = datetime.fromtimestamp(now, UTC)
        if "x5c" in header and self._roots:
            return _of_chain(certificate_chain.trusted(header["x5c"], self._roots, moment))
        key_id = header.get("kid")
        if isinstance(key_id, str):
            if key_id in self._by_id:
                return self._by_id[key_id]
            certificate = self._certificates.get(key_id)
            if certificate is not None and certificate_chain.is_valid_at(certificate, moment):
                return _of_chain([certificate])
        raise TokenInvalid("its key is none that is trusted")


def thumbprint(key: PublicKey) -> str:
    """The SHA-256 thumbprint of a public key (RFC 7638), in base64url."""
    jwk = _jwk(key)
    required = {name: jwk[name] for name in _OF_A_THUMBPRINT if name in jwk}
    text = json.dumps(required, sort_keys=True, separators=(",", ":"))
    return base64url_encode(sha256(text.encode()).digest()).decode()


def fingerprint(key: PublicKey) -> str:
    """The id of a public key as distribution's "Token Authentication Implementation" makes it: 12 groups of base32."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(sha256(der).digest()[:_FINGERPRINT_BYTES]).decode()
    return ":".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def _made_ids(key: PublicKey) -> tuple[str, str]:
    return thumbprint(key), fingerprint(key)


def _by_id(place: str, jwks: Iterable[Mapping[str, Any]]) -> dict[str, TrustedKey]:
    found: dict[str, TrustedKey] = {}
    for jwk in jwks:
        key = _of_jwk(jwk)
        if key is None:
            continue
        key_id = jwk.get("kid")
        name = key_id if isinstance(key_id, str) else thumbprint(key.public)
        if name in found:
            raise TrustedKeysInvalid(place, "two of its keys have one id")
        found[name] = key
    if not found:
        raise TrustedKeysInvalid(place, "it holds no key that could verify a token")
    return found


def _of_jwk(jwk: Mapping[str, Any]) -> TrustedKey | None:
    # A symmetric key would let whoever reads the registry's files make tokens.
    if jwk.get("kty") not in _KINDS or jwk.get("use", "sig") != "sig":
        return None
    public_half = {name: value for name, value in jwk.items() if name in (*_OF_A_THUMBPRINT, "alg")}
    try:
        key = _trusted(jwt.PyJWK(public_half).key)
    except (jwt.PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if key is None or "alg" not in jwk:
        return key
    algorithms = key.algorithms & {jwk["alg"]}
    return TrustedKey(key.public, algorithms) if algorithms else None


def _of_chain(chain: Sequence[x509.Certificate]) -> TrustedKey:
    key = _key_of(chain[0])
    if key is None:
        raise TokenInvalid("the key of its certificate is of no kind that is trusted")
    return TrustedKey(key.public, key.algorithms, min(each.not_valid_after_utc for each in chain))


def _key_of(certificate: x509.Certificate) -> TrustedKey | None:
    try:
        return _trusted(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _trusted(public: object) -> TrustedKey | None:
    if isinstance(public, RSAPublicKey) and public.key_size >= _RSA_BITS:
        return TrustedKey(public, _OF_RSA)
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _OF_CURVES:
        return TrustedKey(public, frozenset({_OF_CURVES[public.curve.name]}))
    if isinstance(public, Ed25519PublicKey):
        return TrustedKey(public, frozenset({"EdDSA"}))
    return None


def _jwk(key: PublicKey) -> Mapping[str, Any]:
    if isinstance(key, RSAPublicKey):
        return RSAAlgorithm.to_jwk(key, as_dict=True)
    if isinstance(key, EllipticCurvePublicKey):
        return ECAlgorithm.to_jwk(key, as_dict=True)
    return OKPAlgorithm.to_jwk(key, as_dict=True)
