"""Certificates for tests, made on the spot by `openssl`: an authority, and what it signed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.requirements import require_tool

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
# From Python 3.13 on, who signs must say so, and who does not say that he signs nothing is taken for one who does.
_SIGNS = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
_SIGNS_NOTHING = ("-addext", "basicConstraints=critical,CA:FALSE")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority, whose own certificate `certificate` verifies all that it signs."""

    directory: Path
    certificate: Path
    key: Path

    @classmethod
    def made_in(cls, directory: Path) -> Authority:
        """A new authority with its files in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        certificate, key = directory / "authority.pem", directory / "authority.key"
        subject = ("-subj", "/CN=authority", *_SIGNS)
        _openssl("req", "-x509", *_KEY, *subject, "-days", "2", "-keyout", key, "-out", certificate)
        return cls(directory, certificate, key)

    def sign(self, name: str) -> Certificate:
        """A certificate for the host or client `name`."""
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        authority = ("-CA", self.certificate, "-CAkey", self.key)
        subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", *_SIGNS_NOTHING)
        _openssl("req", "-x509", *_KEY, *subject, *authority, "-days", "2", "-keyout", key, "-out", certificate)
        return Certificate(certificate, key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run([require_tool("openssl"), *arguments], check=True, capture_output=True)
