"""Certificates and keys as PEM files: who may read them, and that none is ever half written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from registry.certificates.errors import AlreadyThere, Unreadable
from registry.certificates.issuing import PrivateKey

PUBLIC: Final = 0o644
SECRET: Final = 0o600

Put: TypeAlias = Callable[[Path, bytes, int], None]
"""`create` or `replace`: a file's path, what it holds, and its mode."""


def create(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet; its folder is made if need be.

    Raises:
        AlreadyThere: it is.
    """
    temporary = _written(path, content, mode)
    try:
        path.hardlink_to(temporary)
    except FileExistsError as error:
        raise AlreadyThere([path]) from error
    finally:
        temporary.unlink()
    _sync_folder(path)


def replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file in place of the one that may be there; whoever reads meanwhile gets either, whole."""
    temporary = _written(path, content, mode)
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink()
        raise
    _sync_folder(path)


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """The certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: PrivateKey) -> bytes:
    """The private key as text, in PKCS #8 and without a password: the registry starts without anyone to type it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates in a file, in their order; at least one.

    Raises:
        Unreadable: there is none, or the file cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise Unreadable(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise Unreadable(path, "it is no certificate in PEM form") from error


def read_key(path: Path, of: x509.Certificate) -> PrivateKey:
    """The private key in a file, which is that of the certificate `of`.

    Raises:
        Unreadable: it is not, or the file cannot be read.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise Unreadable(path, error.strerror or str(error)) from error
    except (ValueError, TypeError) as error:
        raise Unreadable(path, "it is no private key in PEM form, or it has a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Unreadable(path, "its key is neither of an elliptic curve nor RSA")
    if key.public_key() != of.public_key():
        raise Unreadable(path, "it is not the key of the certificate beside it")
    return key


def _written(path: Path, content: bytes, mode: int) -> Path:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    # The mode is given at birth: a secret that anyone could open for a moment is no secret.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # What is public stays so under any umask: the registry's user may be another one.
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
