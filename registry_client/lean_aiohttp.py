"""aiohttp, without what it trusts by default.

It reads the system's certificates twice wherever it is imported, for two contexts that nothing here uses: whoever
connects brings its own (`ssl=`). That took a fifteenth of every start. Its default contexts, made so, trust nobody.
"""

import ssl
import sys


def _read_nothing(_: ssl.SSLContext) -> None:
    pass


if "aiohttp" not in sys.modules:
    # In the class that is Python's, over the method of the one beneath it.
    ssl.SSLContext.set_default_verify_paths = _read_nothing  # type: ignore[assignment,method-assign]
try:
    import aiohttp
finally:
    if "set_default_verify_paths" in vars(ssl.SSLContext):
        del ssl.SSLContext.set_default_verify_paths

__all__ = ["aiohttp"]
