"""The certificates that a token brings along (RFC 7515, `x5c`): trusted where they lead to one of ours.

A token server's certificate names no host, so the rules of TLS for names do not apply; those for chains do.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from registry import limits
from registry.errors import TokenInvalid

# A critical extension that is not looked at could forbid what the chain is used for.
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)


# Whoever can make two contents with one hash has a certificate that nobody gave them.
_WEAK: Final = frozenset({"md5", "sha1"})

T = TypeVar("T", bound=x509.ExtensionType)


def trusted(x5c: object, roots: Sequence[x509.Certificate], moment: datetime) -> list[x509.Certificate]:
    """The certificates of `x5c`, the signer's first, up to the one of `roots` that they lead to.

    Raises:
        TokenInvalid: they lead to none of them, are not valid at `moment`, or one may not sign what it has signed.
    """
    chain = _read(x5c)
    try:
        chain = _completed(chain, roots)
        for depth, (certificate, issuer) in enumerate(pairwise(chain)):
            _check_signature(certificate, issuer)
            _check_issuer(issuer, depth)
        for certificate in chain:
            _check(certificate, moment)
        _check_signer(chain[0])
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise TokenInvalid("its certificates do not lead to one that is trusted") from None
    return chain


def is_valid_at(certificate: x509.Certificate, moment: datetime) -> bool:
    """Whether the certificate has begun and has not ended."""
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def _read(x5c: object) -> list[x509.Certificate]:
    if not isinstance(x5c, list) or not 0 < len(x5c) <= limits.TOKEN_CERTIFICATES:
        raise TokenInvalid("it brings no list of certificates, or too many")
    try:
        return [x509.load_der_x509_certificate(base64.b64decode(text, validate=True)) for text in x5c]
    except (ValueError, TypeError):
        raise TokenInvalid("its certificates cannot be read") from None


def _completed(chain: list[x509.Certificate], roots: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    for position, certificate in enumerate(chain):
        if certificate in roots:
            return chain[: position + 1]
    issuer = next((root for root in roots if _is_issued_by(chain[-1], root)), None)
    if issuer is None:
        raise ValueError
    return [*chain, issuer]


def _is_issued_by(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _WEAK:
        raise ValueError
    certificate.verify_directly_issued_by(issuer)


def _check(certificate: x509.Certificate, moment: datetime) -> None:
    critical = {extension.oid for extension in certificate.extensions if extension.critical}
    if not is_valid_at(certificate, moment) or critical - _UNDERSTOOD:
        raise ValueError


def _check_issuer(issuer: x509.Certificate, depth: int) -> None:
    """Let it have signed a certificate under which there are `depth` more."""
    constraints = _extension(issuer, x509.BasicConstraints)
    usage = _extension(issuer, x509.KeyUsage)
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        raise ValueError
    if constraints.path_length is not None and depth > constraints.path_length:
        raise ValueError


def _check_signer(certificate: x509.Certificate) -> None:
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise ValueError


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
