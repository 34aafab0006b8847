"""The container image's health check: is the registry inside ready? Ends with status 0 if so, else 1 and the reason.

It asks where `REGISTRY_SERVER__LISTEN` says that the registry listens, over TLS if `REGISTRY_TLS__CERTIFICATE` is set,
so it needs no curl in the image. With `REGISTRY_TLS__CLIENT_CA` the registry answers nobody without a certificate,
which this check has not: it then only begins TLS with it. A container that is told these things in a file or by flags
brings its own check.
"""

import os
import socket
import ssl
import sys
import urllib.error
import urllib.request

DEADLINE_S = 4


def main() -> int:
    """Ask `/readyz` once."""
    listen = os.environ.get("REGISTRY_SERVER__LISTEN", "127.0.0.1:5000")
    host, _, port = listen.rpartition(":")
    # An address that means "everywhere" is listened on, not connected to.
    reachable = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound
    try:
        if os.environ.get("REGISTRY_TLS__CLIENT_CA"):
            _shake_hands(reachable.strip("[]"), int(port))
        else:
            scheme = "https" if os.environ.get("REGISTRY_TLS__CERTIFICATE") else "http"
            request = urllib.request.Request(f"{scheme}://{reachable}:{port}/readyz")  # noqa: S310 - one of two schemes
            urllib.request.urlopen(request, timeout=DEADLINE_S, context=_unverified()).close()  # noqa: S310 - as above
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"not ready: {error}\n")
        return 1
    return 0


def _shake_hands(host: str, port: int) -> None:
    with socket.create_connection((host, port), DEADLINE_S) as connection, _unverified().wrap_socket(connection):
        pass


def _unverified() -> ssl.SSLContext:
    """A context that takes any certificate: it bears the name that clients use, and this is a call to oneself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


if __name__ == "__main__":
    sys.exit(main())
