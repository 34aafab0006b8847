"""Serving HTTPS: `[tls]` as a context for connections, which can be loaded again."""

from __future__ import annotations

import ssl
from typing import Any, Final, TypeAlias

from registry.app.refusals import CertificateUnusable
from registry.config.schema import Tls

_Stamp: TypeAlias = tuple[tuple[int, int, int], ...]

# HTTP/2 is not spoken here: a client that offers both must not choose it.
_PROTOCOLS: Final = ("http/1.1",)


class ServerContext(ssl.SSLContext):
    """Begins connections with what was loaded last; those that there are go on with what they began with."""

    # OpenSSL would leave a context that is loaded again with half of an unusable certificate, and with the authorities
    # that are trusted no more. So each load makes a context, which begins the connections in this one's place: asyncio
    # asks for nothing but `wrap_bio`.
    _newest: ssl.SSLContext
    _tls: Tls
    _stamp: _Stamp

    def load(self, tls: Tls) -> None:
        """Begin the connections to come with the files of `tls`.

        Raises:
            CertificateUnusable: a file is not what it should be, or the key is not the certificate's; the old ones
                stay in use.
        """
        # Files that are replaced while they are read are not up to date at the next look.
        stamp = _stamp(tls)
        self._newest = _load(tls)
        self._tls, self._stamp = tls, stamp

    def is_up_to_date(self, tls: Tls) -> bool:
        """Whether `tls` and its files are as they were when they were loaded."""
        return (self._tls, self._stamp) == (tls, _stamp(tls))

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        return self._newest.wrap_bio(*args, **kwargs)


def tls_context(tls: Tls) -> ServerContext | None:
    """The context of `tls`, None where it names no certificate.

    Made before workers are forked, so that all of them can resume each other's sessions.

    Raises:
        CertificateUnusable: a file is not what it should be, or the key is not the certificate's.
    """
    if tls.certificate is None:
        return None
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.load(tls)
    return context


def _load(tls: Tls) -> ssl.SSLContext:
    assert tls.certificate is not None, "who speaks TLS goes on speaking TLS"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise CertificateUnusable(str(error)) from error
    context.set_alpn_protocols(_PROTOCOLS)
    return context


def _stamp(tls: Tls) -> _Stamp:
    """What changes when the files do: their identity, size and time. Empty while one of them is missing."""
    files = [file for file in (tls.certificate, tls.key, tls.client_ca) if file is not None]
    try:
        found = [file.stat() for file in files]
    except OSError:
        return ()
    return tuple((status.st_ino, status.st_size, status.st_mtime_ns) for status in found)
