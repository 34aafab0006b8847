"""Making certificates: pure values, no files.

They follow RFC 5280, "Certificate and Certificate Extensions Profile", to the letter, because OpenSSL in its strict
mode (which Python uses since 3.13) and Go refuse what merely works elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from registry.certificates.host import HostName

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# A certificate that was made a moment ago must not be in the future of a client whose clock is slow.
_SLOW_CLOCK: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: PrivateKey


def new_key() -> PrivateKey:
    """A key of the one kind that every client knows and that costs a server little."""
    return ec.generate_private_key(ec.SECP256R1())


def authority(days: int) -> Issued:
    """A new authority, which signs certificates of servers or clients, but no other authorities."""
    key = new_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Two authorities must not have one name: a client that knows both would try the wrong one.
    name = _name(f"Moorage authority {identifier.digest.hex()[:8]}")
    begin = _begin()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + days * _DAY - _SECOND)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def server(by: Issued, hosts: Sequence[HostName], key: PrivateKey, *, days: int) -> x509.Certificate:
    """A server's certificate for `key` and all of `hosts`; it ends with the authority, if that is sooner."""
    builder = _signed_by(by, "Moorage registry", key, days).add_extension(
        x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False
    )
    return _sign(by, builder, ExtendedKeyUsageOID.SERVER_AUTH)


def client(by: Issued, name: str, key: PrivateKey, *, days: int) -> x509.Certificate:
    """A client's certificate for `key`; it ends with the authority, if that is sooner."""
    return _sign(by, _signed_by(by, name, key, days), ExtendedKeyUsageOID.CLIENT_AUTH)


def hosts_of(certificate: x509.Certificate) -> list[HostName]:
    """The names and addresses that a server's certificate is for; what is neither is left out."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    found: list[str] = [*names.get_values_for_type(x509.DNSName)]
    found += map(str, names.get_values_for_type(x509.IPAddress))
    return list(_readable(found))


def is_signed_by(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    """Whether `by` has signed the certificate."""
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _readable(texts: Sequence[str]) -> Iterator[HostName]:
    for text in texts:
        with suppress(ValueError):
            yield HostName.parse(text)


def _signed_by(by: Issued, common_name: str, key: PrivateKey, days: int) -> x509.CertificateBuilder:
    begin = max(_begin(), by.certificate.not_valid_before_utc)
    end = min(begin + days * _DAY - _SECOND, by.certificate.not_valid_after_utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_key_identifier(by), critical=False)
    )


def _sign(by: Issued, builder: x509.CertificateBuilder, purpose: ObjectIdentifier) -> x509.Certificate:
    return builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False).sign(by.key, hashes.SHA256())


def _begin() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - _SLOW_CLOCK


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Moorage"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _alternative(host: HostName) -> x509.GeneralName:
    address = host.address
    return x509.IPAddress(address) if address is not None else x509.DNSName(host.text)


def _key_identifier(by: Issued) -> x509.AuthorityKeyIdentifier:
    try:
        known = by.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
