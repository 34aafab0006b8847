"""The container image's health check: is the registry inside ready? Ends with status 0 if so, else 1 and the reason.

It asks where `REGISTRY_SERVER__LISTEN` says that the registry listens, so it needs no curl in the image.
"""

import os
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
        urllib.request.urlopen(f"http://{reachable}:{port}/readyz", timeout=DEADLINE_S).close()
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"not ready: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
