"""Serving HTTPS: `[tls]` as a context for connections, which follows the certificate when it is renewed."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, TypeAlias

from registry.app.refusals import CertificateUnusable
from registry.config.schema import Tls
from registry.observability.logging import logger

_log = logger(__name__)

# Certificates are renewed days before they end.
_LOOK_S: Final = 60

_Stamp: TypeAlias = tuple[tuple[int, int, int], ...]


def tls_context(tls: Tls) -> ssl.SSLContext | None:
    """The context of `tls`, None where it names no certificate.

    Made before workers are forked, so that all of them can resume each other's sessions.

    Raises:
        CertificateUnusable: a file is not what it should be, or the key is not the certificate's.
    """
    if tls.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise CertificateUnusable(str(error)) from error
    # HTTP/2 is not spoken here: a client that offers both must not choose it.
    context.set_alpn_protocols(["http/1.1"])
    return context


class CertificateRenewal:
    """Gives a context its certificate again when the files have changed."""

    def __init__(self, tls: Tls, context: ssl.SSLContext) -> None:
        self._tls, self._context = tls, context
        self._seen = _stamp(tls)

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Use the certificate that the files hold now for all connections to come; keep the old one if it is unusable.

        A certificate that does not fit its key may be one that is being replaced: it is tried again at the next look.
        """
        found = await asyncio.to_thread(_stamp, self._tls)
        if found == self._seen:
            return
        try:
            # First elsewhere: OpenSSL would leave the context with half of what it was given.
            await asyncio.to_thread(tls_context, self._tls)
            assert self._tls.certificate is not None
            # A context must not be changed beside the event loop, which makes connections with it.
            self._context.load_cert_chain(self._tls.certificate, self._tls.key)
        except (CertificateUnusable, OSError) as error:
            _log.error("the renewed certificate cannot be used; the old one stays", reason=str(error))
            return
        self._seen = found
        _log.info("the certificate was renewed")


def _stamp(tls: Tls) -> _Stamp:
    """What changes when the files do: their identity, size and time. Empty while one of them is missing."""
    files = [file for file in (tls.certificate, tls.key) if file is not None]
    try:
        found = [file.stat() for file in files]
    except OSError:
        return ()
    return tuple((status.st_ino, status.st_size, status.st_mtime_ns) for status in found)
