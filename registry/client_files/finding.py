"""What the configuration says about how clients reach the registry, and what to do where it does not say enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from registry.certificates import files, issuing
from registry.certificates.host import HostName
from registry.client_files.target import ClientPair
from registry.config import Config
from registry.config.values import ExternalUrl, SocketAddress

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# What `registry tls` names the authority beside a certificate.
_AUTHORITY: Final = "ca.crt"


class AddressUnknown(Exception):
    """Nothing says under which name or port clients reach the registry."""

    def __str__(self) -> str:
        return "nothing says how clients reach the registry: name it with --host NAME:PORT, or set server.external_url"


@dataclass(frozen=True, slots=True)
class Vouched:
    """The authority that clients have to trust: `text`, PEM, or None where they do, or where it is not known.

    `issuer` is who signed the registry's certificate where its authority is not known.
    """

    text: str | None
    issuer: str | None = None


def addresses(config: Config) -> list[ExternalUrl]:
    """Where clients reach the registry: its external URL, else the names in its certificate, else where it listens.

    Raises:
        AddressUnknown: none of them says.
        CertificateError: the certificate cannot be read.
        ValueError: the external URL has no host that a client could name.
    """
    if config.server.external_url is not None:
        return [_named(config.server.external_url)]
    if config.tls.certificate is not None:
        names = [str(host) for host in issuing.hosts_of(files.read_certificates(config.tls.certificate)[0])]
    else:
        names = ["localhost" if config.server.listen.is_loopback else config.server.listen.host]
    usable = [name for name in names if not name.startswith("*") and name not in {"0.0.0.0", "::"}]  # noqa: S104
    # A certificate may be for this machine, too; others mean themselves by such a name.
    usable = [name for name in usable if name not in _LOOPBACK] or usable
    if not usable:
        raise AddressUnknown
    return [address(name, config) for name in usable]


def address(text: str, config: Config) -> ExternalUrl:
    """Where clients reach the registry under the name `text`: a host with or without a port, or a whole URL.

    What it does not say is as in the configuration; a URL says all.

    Raises:
        ValueError: it is none of them.
        AddressUnknown: nothing says the port.
    """
    if "://" in text:
        return _named(ExternalUrl.parse(text))
    external = config.server.external_url
    try:
        host, port = HostName.parse(text), _port(config)
    except ValueError:
        named = SocketAddress.parse(text)
        host, port = HostName.parse(named.host), f":{named.port}"
    bracketed = f"[{host}]" if ":" in host.text else host.text
    path = external.path_prefix if external is not None else ""
    return ExternalUrl.parse(f"{_scheme(config)}://{bracketed}{port}{path}")


def vouched(config: Config) -> Vouched:
    """Who vouches for the registry: the authority beside its certificate, if that has signed it.

    Raises:
        CertificateError: a certificate cannot be read.
    """
    certificate_file = config.tls.certificate
    if certificate_file is None:
        return Vouched(None)
    certificate = files.read_certificates(certificate_file)[0]
    beside = certificate_file.with_name(_AUTHORITY)
    for file in (certificate_file, beside):
        if file.exists() and (found := _signer(certificate, files.read_certificates(file))) is not None:
            return Vouched(files.certificate_pem(found).decode())
    return Vouched(None, issuer=certificate.issuer.rfc4514_string())


def authorities(file: Path) -> str:
    """The authorities in a PEM file, without what else may stand there.

    Raises:
        CertificateError: there is none.
    """
    return "".join(files.certificate_pem(certificate).decode() for certificate in files.read_certificates(file))


def client_pair(certificate_file: Path, key_file: Path) -> ClientPair:
    """The certificate and key of a client, which belong together.

    Raises:
        CertificateError: they do not, or one of them cannot be read.
    """
    chain = files.read_certificates(certificate_file)
    key = files.read_key(key_file, chain[0])
    return ClientPair(authorities(certificate_file), files.key_pem(key).decode())


def _named(url: ExternalUrl) -> ExternalUrl:
    """The URL itself, if its host is one: directories on clients' machines will be named like it."""
    HostName.parse(urlsplit(str(url)).hostname or "")
    return url


def _port(config: Config) -> str:
    external = config.server.external_url
    if external is not None:
        port = urlsplit(str(external)).port
        return "" if port is None else f":{port}"
    if config.server.listen.port == 0:
        raise AddressUnknown
    # Image names bear no port where it is the usual one.
    return "" if config.server.listen.port == _USUAL_PORTS[_scheme(config)] else f":{config.server.listen.port}"


def _scheme(config: Config) -> str:
    if config.server.external_url is not None:
        return config.server.external_url.scheme
    return "https" if config.tls.certificate is not None else "http"


def _signer(certificate: x509.Certificate, among: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """The authority of `among` that has signed the certificate, maybe with itself; an intermediate one does not do."""
    roots = [one for one in among if one.subject == one.issuer]
    return next((one for one in roots if issuing.is_signed_by(certificate, one)), None)
