"""Serving HTTPS: `[tls]` as a context for connections."""

from __future__ import annotations

import ssl

from registry.app.refusals import CertificateUnusable
from registry.config.schema import Tls


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
