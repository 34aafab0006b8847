"""The folder of `registry tls`: an authority, the server's certificate that it signed, and those of clients.

    ca.crt, ca.key                   the authority; clients get the first, and nobody the second
    server.crt, server.key           for the registry itself
    client-ca.crt, client-ca.key     the authority of clients, once there is one
    clients/NAME.crt, NAME.key       for the client NAME

Clients have an authority of their own, so that one whose key is lost can be locked out without a new certificate on
every machine, and so that they can be asked for certificates where the server's own comes from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from registry import limits
from registry.certificates import files, issuing
from registry.certificates.errors import AlreadyThere, AuthorityEnded, NotThere
from registry.certificates.files import PUBLIC, SECRET, Put
from registry.certificates.host import HostName
from registry.certificates.issuing import Issued, PrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of a certificate and its key."""

    certificate: Path
    key: Path

    @property
    def existing(self) -> list[Path]:
        """Those that are there."""
        return [file for file in (self.certificate, self.key) if file.exists()]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the files of `registry tls` are, whether they are there or not."""

    path: Path

    @property
    def authority(self) -> Pair:
        """The server's authority."""
        return self._pair("ca")

    @property
    def server(self) -> Pair:
        """The server."""
        return self._pair("server")

    @property
    def client_authority(self) -> Pair:
        """The authority of clients."""
        return self._pair("client-ca")

    def client(self, name: str) -> Pair:
        """The client `name`."""
        return self._pair(f"clients/{name}")

    def _pair(self, name: str) -> Pair:
        return Pair(self.path / f"{name}.crt", self.path / f"{name}.key")


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate that was just made, the files where it and its authority are, and whether that is new, too."""

    certificate: x509.Certificate
    files: Pair
    authority: Pair
    authority_is_new: bool


def init(folder: Folder, hosts: Sequence[HostName], days: int) -> Made:
    """Make the server's first certificate, for `hosts`, and its authority unless there is one.

    Raises:
        AlreadyThere: there is a certificate or a key of the server.
        CertificateError: the authority that is there cannot be used.
    """
    if existing := folder.server.existing:
        raise AlreadyThere(existing)
    return _issue_server(folder, hosts, days, files.create)


def init_again(folder: Folder, hosts: Sequence[HostName], days: int) -> Made:
    """Make a new certificate and key of the server, for `hosts`, whether there were some or not; the authority stays.

    Raises:
        CertificateError: the authority that is there cannot be used.
    """
    return _issue_server(folder, hosts, days, files.replace)


def renew(folder: Folder, more_hosts: Sequence[HostName], days: int) -> Made:
    """Make a new certificate of the server, for the hosts of the present one and `more_hosts`.

    It is for the key that is there, so that one file is replaced and a registry that starts meanwhile finds a pair.

    Raises:
        CertificateError: there is no certificate yet, or a file cannot be used.
    """
    present = server_certificate(folder)
    key = files.read_key(folder.server.key, present)
    by = _authority(folder.authority)
    hosts = list(dict.fromkeys([*issuing.hosts_of(present), *more_hosts]))
    certificate = issuing.server(by, hosts, key, days=days)
    files.replace(folder.server.certificate, files.certificate_pem(certificate), PUBLIC)
    return Made(certificate, folder.server, folder.authority, authority_is_new=False)


def is_due(folder: Folder, hosts: Sequence[HostName], days_left: int) -> bool:
    """Whether the server's present certificate lacks one of `hosts`, or ends in less than so many days.

    Raises:
        CertificateError: there is none, or it cannot be read.
    """
    present = server_certificate(folder)
    ends_in = present.not_valid_after_utc - datetime.now(UTC)
    return ends_in < timedelta(days=days_left) or not set(hosts) <= set(issuing.hosts_of(present))


def server_certificate(folder: Folder) -> x509.Certificate:
    """The server's present certificate.

    Raises:
        CertificateError: there is none, or it cannot be read.
    """
    if not folder.server.certificate.exists():
        raise NotThere(folder.server.certificate, "`registry tls init` makes it")
    return files.read_certificates(folder.server.certificate)[0]


def add_client(folder: Folder, name: str, days: int) -> Made:
    """Make the certificate of a new client, and the authority of clients unless there is one.

    Raises:
        AlreadyThere: there is a certificate or a key of this client.
        CertificateError: the authority that is there cannot be used.
    """
    if existing := folder.client(name).existing:
        raise AlreadyThere(existing)
    return _issue_client(folder, name, days, files.create)


def add_client_again(folder: Folder, name: str, days: int) -> Made:
    """Make a new certificate and key of a client, whether there were some or not.

    Raises:
        CertificateError: the authority that is there cannot be used.
    """
    return _issue_client(folder, name, days, files.replace)


def _issue_server(folder: Folder, hosts: Sequence[HostName], days: int, put: Put) -> Made:
    by, is_new = _authority_or_new(folder.authority)
    key = issuing.new_key()
    certificate = issuing.server(by, list(dict.fromkeys(hosts)), key, days=days)
    _put(folder.server, certificate, key, put)
    return Made(certificate, folder.server, folder.authority, is_new)


def _issue_client(folder: Folder, name: str, days: int, put: Put) -> Made:
    by, is_new = _authority_or_new(folder.client_authority)
    key = issuing.new_key()
    certificate = issuing.client(by, name, key, days=days)
    _put(folder.client(name), certificate, key, put)
    return Made(certificate, folder.client(name), folder.client_authority, is_new)


def _authority_or_new(pair: Pair) -> tuple[Issued, bool]:
    if pair.existing:
        return _authority(pair), False
    made = issuing.authority(limits.AUTHORITY_DAYS)
    _put(pair, made.certificate, made.key, files.create)
    return made, True


def _authority(pair: Pair) -> Issued:
    for file in (pair.certificate, pair.key):
        if not file.exists():
            raise NotThere(file, "put it back to sign with this authority, or move the other file of the two away")
    certificate = files.read_certificates(pair.certificate)[0]
    ended_at = certificate.not_valid_after_utc
    if ended_at <= datetime.now(UTC):
        raise AuthorityEnded(pair.certificate, ended_at)
    return Issued(certificate, files.read_key(pair.key, certificate))


def _put(pair: Pair, certificate: x509.Certificate, key: PrivateKey, put: Put) -> None:
    # The key first: a certificate without one would look as if it were ready for use.
    put(pair.key, files.key_pem(key), SECRET)
    put(pair.certificate, files.certificate_pem(certificate), PUBLIC)
